"""Maps of features: the value of a feature in the surroundings of each voxel of a region."""
