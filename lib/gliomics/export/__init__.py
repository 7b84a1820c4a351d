"""What was measured and read of a segment, as files for other programs: tables, a page, DICOM."""
