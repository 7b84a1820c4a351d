"""The OHIF viewer that MONAI Label brings, on the archive that is served: its files, and its way to the archive."""
