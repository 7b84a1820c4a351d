"""What mypy cannot read in VTK as 3D Slicer has it: all is untyped but the decorator that the panel uses."""

from collections.abc import Callable
from typing import Any, TypeVar

_Observer = TypeVar("_Observer", bound=Callable[..., Any])

def calldata_type(type: Any) -> Callable[[_Observer], _Observer]: ...
def __getattr__(name: str) -> Any: ...
