"""What an estimate does not know: classes that cannot be excluded, patients unlike those of the training."""
