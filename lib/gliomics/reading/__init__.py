"""What is read of one segment: the record that server, panel and report share, in plain Python."""
