"""What the scene remembers of the panel, in a plain ``vtkMRMLScriptedModuleNode``."""

from __future__ import annotations

from typing import Any


class Parameters:
    """Typed access to the parameter node; nodes are kept as references, which follow renamed IDs."""

    def __init__(self, node: Any) -> None:
        self.node = node

    def text(self, name: str, default: str = "") -> str:
        """A text parameter."""
        return str(self.node.GetParameter(name) or default)

    def setText(self, name: str, value: str) -> None:
        """Keep a text parameter; setting the same value again is not a modification."""
        if self.text(name) != value:
            self.node.SetParameter(name, value)

    def flag(self, name: str) -> bool:
        """A yes-or-no parameter, no when it was never set."""
        return self.text(name) == "true"

    def setFlag(self, name: str, value: bool) -> None:
        """Keep a yes-or-no parameter."""
        self.setText(name, "true" if value else "false")

    def reference(self, role: str) -> Any:
        """The node with a role, or None when there is none or it was removed."""
        return self.node.GetNodeReference(role)

    def setReference(self, role: str, node: Any) -> None:
        """Keep which node has a role; None for none."""
        nodeId = node.GetID() if node is not None else None
        if self.node.GetNodeReferenceID(role) != nodeId:
            self.node.SetNodeReferenceID(role, nodeId)
