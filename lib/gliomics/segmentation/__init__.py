"""The network that answers: from a study to its mask, probabilities and uncertainty."""
