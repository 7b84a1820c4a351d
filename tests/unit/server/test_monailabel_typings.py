"""The types that mypy is told of MONAI Label are of classes and methods that it has."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import gliomics.server  # noqa: F401 - stands in for what MONAI Label imports and nobody calls

TYPINGS = Path(__file__).parents[3] / "lib" / "typings"

METHODS = {
    f"{'.'.join(file.relative_to(TYPINGS).with_suffix('').parts)}:{owner.name}.{method.name}": method
    for file in sorted(TYPINGS.rglob("*.pyi"))
    for owner in ast.parse(file.read_text()).body
    if isinstance(owner, ast.ClassDef)
    for method in owner.body
    if isinstance(method, ast.FunctionDef) and method.name != "__getattr__"
}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_the_parameters_that_it_is_declared_with(name: str) -> None:
    module, _, qualified = name.partition(":")
    owner, _, method = qualified.partition(".")
    parameters = [*inspect.signature(getattr(getattr(importlib.import_module(module), owner), method)).parameters]
    declared = [argument.arg for argument in METHODS[name].args.args]
    assert declared == parameters[: len(declared)]
