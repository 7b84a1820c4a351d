"""What leaves the panel for a server: images as files, calls of the REST client, threads. No Qt, no MRML."""
