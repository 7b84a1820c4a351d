from abc import ABCMeta, abstractmethod
from typing import Any

from monailabel.interfaces.datastore import Datastore

class Strategy(metaclass=ABCMeta):
    description: str
    def __init__(self, description: str) -> None: ...
    def info(self) -> dict[str, Any]: ...
    @abstractmethod
    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any] | None: ...
