"""The MR sequences in the order and with the titles of the panel; `gliomics.sequences` recognises them."""

from __future__ import annotations

SEQUENCES = ("flair", "t1", "t1c", "t2")
"""The panel's order; FLAIR first because it is what the automatic segmentation needs."""

TITLES = {"flair": "FLAIR", "t1": "T1", "t1c": "T1 contrast", "t2": "T2"}
