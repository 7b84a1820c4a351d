"""Figures and pages of a cohort."""
