"""Examinations of a DICOMweb archive among the studies of a folder, and what goes back to the archive."""
