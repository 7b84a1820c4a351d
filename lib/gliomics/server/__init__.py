"""Adapters between Gliomics and a MONAI Label server: datastore, tasks, strategies and the server itself."""

from gliomics.server import absent

absent.stand_in("pydicom_seg")
