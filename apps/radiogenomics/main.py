"""The Gliomics app for MONAI Label.

It starts with ``python -m gliomics.monailabel start_server --app apps/radiogenomics --studies DIR``.

Everything it does is in ``gliomics.monailabel``. ``gliomics serve`` starts the same app
behind routes that do not block each other and that check what clients send.
"""

from gliomics.monailabel.app import GliomicsApp

__all__ = ["GliomicsApp"]
