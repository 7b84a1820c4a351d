"""The types that mypy is told of `slicer.util` are of functions that 3D Slicer has."""

from __future__ import annotations

import ast
import inspect
from typing import Any

import pytest
from harness import EXTENSION

STUB = EXTENSION.parent / "typings" / "slicer" / "util.pyi"
FUNCTIONS = {node.name: node for node in ast.parse(STUB.read_text()).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_the_parameters_that_the_panel_may_pass(name: str, application: Any) -> None:
    import slicer.util

    parameters = [*inspect.signature(getattr(slicer.util, name)).parameters]
    arguments = FUNCTIONS[name].args
    positional = [argument.arg for argument in arguments.args]
    assert positional == parameters[: len(positional)]
    assert {argument.arg for argument in arguments.kwonlyargs} <= {*parameters}
