"""Adapters between Gliomics and a MONAI Label server: datastore, tasks, strategies and the server itself."""
