"""What a request passes before its route sees it: connection, origin, size, token, values."""
