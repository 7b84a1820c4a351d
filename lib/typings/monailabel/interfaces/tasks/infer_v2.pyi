from abc import ABCMeta, abstractmethod
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

class InferType(str, Enum):
    SEGMENTATION = "segmentation"
    CLASSIFICATION = "classification"
    DEEPGROW = "deepgrow"
    OTHERS = "others"

class InferTask(metaclass=ABCMeta):
    labels: Any
    def __init__(
        self,
        type: InferType,
        labels: str | Sequence[str] | Mapping[str, int] | None,
        dimension: int,
        description: str,
        config: dict[str, Any] | None = None,
    ) -> None: ...
    def info(self) -> dict[str, Any]: ...
    def config(self) -> dict[str, Any]: ...
    @abstractmethod
    def is_valid(self) -> bool: ...
    @abstractmethod
    def __call__(self, request: dict[str, Any]) -> tuple[str | None, dict[str, Any]]: ...
