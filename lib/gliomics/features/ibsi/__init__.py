"""Features by the standard of the Image Biomarker Standardisation Initiative (Zwanenburg 2020), first part in full.

What PyRadiomics' settings cannot express: how image and mask are interpolated, rounded and cut, where bins begin, and
how the matrices of slices and directions are joined. Matrices and formulas are those of
:mod:`gliomics.features.native`.
"""
