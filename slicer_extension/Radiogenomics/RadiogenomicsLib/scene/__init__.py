"""MRML: volumes, segments and attributes of the scene as values, and back."""
