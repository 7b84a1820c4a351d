"""Statistics over patients: intervals, agreement, discrimination and calibration. NumPy and SciPy only."""
