"""Genomic subtype from radiomic features: fitting, validation, estimates and their doubts."""
