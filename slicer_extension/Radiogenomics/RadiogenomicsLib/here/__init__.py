"""What 3D Slicer computes itself, without a server: a process of its own Python, and the packages it needs."""
