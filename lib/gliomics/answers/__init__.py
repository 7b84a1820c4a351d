"""What is answered about a segment, by the server and by 3D Slicer's own Python alike: measured, estimated and read."""
