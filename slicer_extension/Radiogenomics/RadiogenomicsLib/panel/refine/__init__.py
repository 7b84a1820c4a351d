"""The section *Refine*: the Segment Editor, and a model that corrects by clicks, strokes and boxes."""
