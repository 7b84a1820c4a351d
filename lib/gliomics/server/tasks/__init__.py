"""What the server computes when asked: masks, features, estimates, corrections and trainings."""
