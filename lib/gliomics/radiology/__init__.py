"""What a radiologist would write of a glioma: where it lies in the brain, and the VASARI features of its parts."""
