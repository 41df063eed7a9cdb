"""A stand-in for your model: plain PyTorch, with conventions of its own."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass
class Camera:
    """A camera in OpenGL's axes: x right, y up, z backward."""

    translation_mm: Tensor
    focal: Tensor


class TheirHMR(nn.Module):
    """Takes a batch as a dict, returns nested containers: axis-angle, millimetres, y up.

    Args:
        width: Channels of the encoder.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, width, 7, stride=8, padding=3), nn.ReLU(), nn.Conv2d(width, width, 3)
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width + 3, 72 + 10)

    def forward(self, batch: dict[str, Tensor]) -> dict[str, object]:
        feature = self.pool(self.encoder(batch['img'])).flatten(1)
        box = torch.cat([batch['box_center'], batch['box_size'][:, None]], dim=1) / 1000
        out = self.fc(torch.cat([feature, box], dim=1))
        distance = torch.full_like(out[:, :1], -4000.0)  # their camera looks along -z
        return {
            'smpl': {'root': out[:, :3], 'joints': out[:, 3:72], 'shape': out[:, 72:]},
            'camera': Camera(
                torch.cat([torch.zeros_like(out[:, :2]), distance], dim=1),
                torch.full_like(out[:, 0], 500.0),
            ),
        }
