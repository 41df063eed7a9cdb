"""Larger person detectors, from torchvision."""

import importlib
from typing import Any

import numpy as np
import torch
from torch import nn

from whmr.apis.detectors.base import PersonDetector, check_image, clip_boxes
from whmr.engine import load_weights
from whmr.registry import DETECTORS

PERSON_LABEL = 1  # of COCO
ARCHITECTURES = (
    'fasterrcnn_mobilenet_v3_large_fpn',
    'fasterrcnn_resnet50_fpn_v2',
)


@DETECTORS.register_module()
class TorchvisionDetector(PersonDetector):
    """Faster R-CNN trained on COCO: slower than the bundled detector, better at hard cases.

    Args:
        architecture: One of `ARCHITECTURES`.
        score_threshold: Boxes with a lower score are dropped.
        checkpoint: A file that holds the state dict; None downloads torchvision's own weights
            (once, then cached).
        device: Where it runs.

    Raises:
        CheckpointError: If `checkpoint` is damaged or of another network.
        ConnectionError: If the weights cannot be downloaded.
        FileNotFoundError: If `checkpoint` is not a file.
        ImportError: If torchvision is not installed.
        ValueError: On an unknown architecture.
    """

    def __init__(
        self,
        architecture: str = 'fasterrcnn_resnet50_fpn_v2',
        *,
        score_threshold: float = 0.7,
        checkpoint: str | None = None,
        device: str = 'cpu',
    ) -> None:
        if architecture not in ARCHITECTURES:
            raise ValueError(
                f'TorchvisionDetector: architecture={architecture!r}: one of {ARCHITECTURES}'
            )
        self.score_threshold = score_threshold
        self.device = torch.device(device)
        self._network = _build(architecture, checkpoint).to(self.device).eval()

    @torch.inference_mode()
    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `PersonDetector.detect`.

        Raises:
            ValueError: If `image` is not (H, W, 3) uint8.
        """
        check_image(image, 'TorchvisionDetector')
        rgb = torch.from_numpy(np.ascontiguousarray(image[..., ::-1])).to(self.device)
        found = self._network([rgb.permute(2, 0, 1).float() / 255])[0]
        person = (found['labels'] == PERSON_LABEL) & (found['scores'] >= self.score_threshold)
        boxes = clip_boxes(found['boxes'][person].cpu().numpy(), image.shape[:2])
        return boxes, found['scores'][person].cpu().numpy().astype(np.float32)


def _build(architecture: str, checkpoint: str | None) -> nn.Module:
    try:
        detection: Any = importlib.import_module('torchvision.models.detection')
    except ImportError as error:
        raise ImportError(
            'TorchvisionDetector needs torchvision: `pip install torchvision`'
        ) from error
    builder = getattr(detection, architecture)
    if checkpoint is not None:
        network = builder(weights=None, weights_backbone=None)
        load_weights(network, checkpoint)
        return network
    try:
        return builder(weights='DEFAULT')
    except OSError as error:
        raise ConnectionError(
            f'TorchvisionDetector: cannot download the weights of {architecture} ({error}); '
            "give checkpoint='FILE', "
            "or use the bundled detector that needs no network: dict(type='OnnxPersonDetector')"
        ) from error
