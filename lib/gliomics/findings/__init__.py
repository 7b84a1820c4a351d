"""From the mask, features and estimates of one segment to the record of what is read of it."""
