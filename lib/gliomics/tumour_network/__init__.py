"""A network that estimates a tumour's subtype from masked patches of its slices, and shows where it looked."""
