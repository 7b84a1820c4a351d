"""The layouts that data come in, each data and a small function from files to parts of studies."""
