from collections.abc import Callable
from enum import Enum
from typing import Any

from monailabel.interfaces.datastore import Datastore

class BatchInferImageType(str, Enum):
    IMAGES_ALL = "all"
    IMAGES_LABELED = "labeled"
    IMAGES_UNLABELED = "unlabeled"

class BatchInferTask:
    def get_images(self, request: dict[str, Any], datastore: Datastore) -> list[str]: ...
    def __call__(
        self, request: dict[str, Any], datastore: Datastore, infer: Callable[..., dict[str, Any]]
    ) -> dict[str, dict[str, Any]]: ...
