"""The Gliomics app for MONAI Label.

It starts with ``python -m gliomics.server start_server --app apps/radiogenomics --studies DIR``.

Everything it does is in ``gliomics.server``. ``gliomics serve`` starts the same app
behind routes that do not block each other and that check what clients send.
"""

from gliomics.loading import without_garbage_collection

with without_garbage_collection():
    from gliomics.server.app import GliomicsApp

__all__ = ["GliomicsApp"]
