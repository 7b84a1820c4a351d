"""What mypy cannot read in 3D Slicer: MRML classes and the application's objects are untyped."""

from typing import Any

from slicer import util as util

def __getattr__(name: str) -> Any: ...
