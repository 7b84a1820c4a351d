"""What the server uses of MONAI Label, which has no types of its own; modules that are not here are untyped."""
