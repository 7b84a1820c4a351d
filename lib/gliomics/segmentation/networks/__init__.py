"""Networks, built from the ``network`` settings of a model card; one file for each kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import torch
from pydantic import Discriminator, Tag

from gliomics.segmentation.networks.efficientnet_unet import EfficientNetUNet, EfficientNetUNetSettings
from gliomics.segmentation.networks.fpn import FpnUNet, FpnUNetSettings
from gliomics.segmentation.networks.gbm_unet import GbmUNet, GbmUNetSettings
from gliomics.segmentation.networks.lgg_unet import LggUNet, LggUNetSettings
from gliomics.segmentation.networks.monai_networks import (
    DynUNet,
    DynUNetSettings,
    FlexibleUNet,
    FlexibleUNetSettings,
    SegResNet,
    SegResNetSettings,
)
from gliomics.segmentation.networks.network import SegmentationNetwork
from gliomics.segmentation.networks.resnext_unet import ResNeXtUNet, ResNeXtUNetSettings
from gliomics.segmentation.networks.slice_classifier import SliceClassifier, SliceClassifierSettings


def _kind(value: Any) -> str:
    """Cards written before there were several kinds do not name theirs: it is ``gbm_unet``."""
    return str(value.get("kind", "gbm_unet") if isinstance(value, dict) else value.kind)


NetworkSettings = Annotated[
    Annotated[GbmUNetSettings, Tag("gbm_unet")]
    | Annotated[LggUNetSettings, Tag("lgg_unet")]
    | Annotated[ResNeXtUNetSettings, Tag("resnext_unet")]
    | Annotated[FpnUNetSettings, Tag("fpn_unet")]
    | Annotated[EfficientNetUNetSettings, Tag("efficientnet_unet")]
    | Annotated[FlexibleUNetSettings, Tag("flexible_unet")]
    | Annotated[DynUNetSettings, Tag("dynunet")]
    | Annotated[SegResNetSettings, Tag("segresnet")]
    | Annotated[SliceClassifierSettings, Tag("slice_classifier")],
    Discriminator(_kind),
]

_NETWORKS: dict[str, Callable[..., SegmentationNetwork]] = {
    "gbm_unet": GbmUNet,
    "lgg_unet": LggUNet,
    "resnext_unet": ResNeXtUNet,
    "fpn_unet": FpnUNet,
    "efficientnet_unet": EfficientNetUNet,
    "flexible_unet": FlexibleUNet,
    "dynunet": DynUNet,
    "segresnet": SegResNet,
    "slice_classifier": SliceClassifier,
}


def build_network(settings: NetworkSettings, sequences: int, slices: int, regions: int = 1) -> SegmentationNetwork:
    """The network of ``settings`` for a number of sequences, each with a number of neighbouring slices.

    One that segments in the plane can answer for several ``regions``. It is stored channels last, which is faster on
    processors and tensor cores.
    """
    answers = {"regions": regions} if settings.segments_in_plane else {}
    network = _NETWORKS[settings.kind](sequences, slices, settings, **answers)
    if not settings.in_space:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


__all__ = [
    "DynUNet",
    "DynUNetSettings",
    "EfficientNetUNet",
    "EfficientNetUNetSettings",
    "FlexibleUNet",
    "FlexibleUNetSettings",
    "FpnUNet",
    "FpnUNetSettings",
    "GbmUNet",
    "GbmUNetSettings",
    "LggUNet",
    "LggUNetSettings",
    "NetworkSettings",
    "ResNeXtUNet",
    "ResNeXtUNetSettings",
    "SegResNet",
    "SegResNetSettings",
    "SegmentationNetwork",
    "SliceClassifier",
    "SliceClassifierSettings",
    "build_network",
]
