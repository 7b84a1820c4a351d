"""Masks corrected by a user's clicks, strokes, boxes and drawn slices."""
