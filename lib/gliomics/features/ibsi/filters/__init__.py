"""Convolutional filters by the standard's second part (Depeursinge 2020, arXiv:2006.05470; Whybra 2024).

Images are (i, j, k), and a filter in two dimensions is of the slices across k. Every filter takes how an image goes on
beyond its border, and what is rotated by right angles is pooled.
"""
