"""Masks corrected by a user's clicks, strokes and drawn slices."""
