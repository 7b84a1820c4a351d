"""Reports: figures of a case, and one HTML file that holds them."""
