"""REST client of a Gliomics or MONAI Label server: standard library, numpy and requests only."""

from gliomics.client.client import GliomicsClient, InferResult
from gliomics.client.hosts import is_loopback
from gliomics.client.transport import ClientError

__all__ = ["ClientError", "GliomicsClient", "InferResult", "is_loopback"]
