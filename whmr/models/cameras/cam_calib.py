"""CamCalib, the camera calibrator."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from whmr.geometry import check_shape, pitch_roll_to_rotmat
from whmr.models.cameras.records import CameraEstimate, CameraLogits
from whmr.models.losses import CameraAngleLoss
from whmr.registry import BACKBONES, CAMERAS, LOSSES, build_child

ANGLES = ('vfov', 'pitch', 'roll')


@CAMERAS.register_module()
class CamCalib(BaseModule):
    """Field of view, pitch and roll of the camera from the whole photo.

    SPEC's CamCalib (Kocabas et al., ICCV 2021), as W-HMR uses it (Sec. 3.3). The photo's pooled
    feature scores the bins of each angle; a soft-argmax reads the angle off.

    Args:
        backbone: Config of a backbone, or a built one (it must have `out_channels`).
        num_bins: Bins of each angle.
        vfov_range: Lowest and highest vertical field of view, rad.
        pitch_range: Lowest and highest pitch, rad.
        roll_range: Lowest and highest roll, rad.
        short_side: Photos are resized so that their shorter side has this many pixels; None takes
            them as they are.
        loss_vfov: Loss component; None for `CameraAngleLoss(biased=True)`.
        loss_pitch: Loss component; None for `CameraAngleLoss()`.
        loss_roll: Loss component; None for `CameraAngleLoss()`.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: A range is empty, or an input has another shape.

    Shapes: B photos, N = num_bins.
        images: (B, 3, H, W) normalised RGB, whole photos.  returns: `CameraLogits`, each (B, N).
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        *,
        num_bins: int = 256,
        vfov_range: tuple[float, float] = (0.2617, 2.1),
        pitch_range: tuple[float, float] = (-0.6, 0.6),
        roll_range: tuple[float, float] = (-0.6, 0.6),
        short_side: int | None = None,
        loss_vfov: dict | nn.Module | None = None,
        loss_pitch: dict | nn.Module | None = None,
        loss_roll: dict | nn.Module | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.ranges = {
            'vfov': tuple(vfov_range),
            'pitch': tuple(pitch_range),
            'roll': tuple(roll_range),
        }
        for name, (low, high) in self.ranges.items():
            if not low < high:
                raise ValueError(f'CamCalib: {name}_range must rise, got ({low}, {high})')
        self.short_side = short_side
        self.backbone: Any = build_child(BACKBONES, backbone)
        width = self.backbone.out_channels
        self.fc_vfov = nn.Linear(width, num_bins)
        self.fc_pitch = nn.Linear(width, num_bins)
        self.fc_roll = nn.Linear(width, num_bins)
        self.losses = nn.ModuleDict(
            {
                'vfov': _loss(loss_vfov, biased=True),
                'pitch': _loss(loss_pitch, biased=False),
                'roll': _loss(loss_roll, biased=False),
            }
        )

    def forward(self, images: Tensor) -> CameraLogits:
        check_shape(images, (None, 3, None, None), 'CamCalib: images')
        feat = self.backbone(self._resize(images)).mean(dim=(2, 3))
        return CameraLogits(self.fc_vfov(feat), self.fc_pitch(feat), self.fc_roll(feat))

    def positions(self, logits: CameraLogits) -> CameraLogits:
        """Soft-argmax of each angle on a scale from -1 (its lowest value) to 1 (its highest).

        Shapes: B photos, N bins.
            logits: each (B, N).  returns: each (B,).
        """
        return CameraLogits(*(_soft_argmax(scores) for scores in logits))

    def decode(self, logits: CameraLogits) -> CameraEstimate:
        """The angles, and the rotation that pitch and roll make.

        Shapes: B photos, N bins.
            logits: each (B, N).  returns: `CameraEstimate`, rad.
        """
        vfov, pitch, roll = (
            low + (high - low) * (position + 1) / 2
            for position, (low, high) in zip(self.positions(logits), self.ranges.values())
        )
        return CameraEstimate(vfov, pitch, roll, pitch_roll_to_rotmat(pitch, roll))

    @torch.no_grad()
    def predict(self, images: Tensor | Sequence[Tensor]) -> CameraEstimate:
        """The cameras of photos of any sizes, without gradient.

        Photos of one size share a forward pass. The module's own mode is used: in training mode
        BatchNorm takes its statistics from the photos.

        Shapes: B photos.
            images: (B, 3, H, W), or B photos (3, H_i, W_i), normalised RGB.
            returns: `CameraEstimate`, rad, rows in the order of the input.
        """
        return self.decode(self._forward_any(images))

    def loss(
        self,
        images: Tensor | Sequence[Tensor],
        vfov: Tensor,
        pitch: Tensor,
        roll: Tensor,
        valid: Tensor,
    ) -> dict[str, Tensor]:
        """Errors of the soft-argmax positions.

        Shapes: B photos.
            images: as in `predict`.  vfov, pitch, roll: (B,) rad.
            valid: (B,) bool, or (B, 3) bool for vfov, pitch, roll apart.
            returns: `loss_vfov`, `loss_pitch`, `loss_roll`, each ().
        """
        positions = self.positions(self._forward_any(images))
        batch = positions.vfov.shape[0]
        if valid.ndim == 1:
            valid = valid[:, None].expand(-1, 3)
        check_shape(valid, (batch, 3), 'CamCalib: valid')
        terms = {}
        for i, (name, target) in enumerate(zip(ANGLES, (vfov, pitch, roll))):
            check_shape(target, (batch,), f'CamCalib: {name}')
            low, high = self.ranges[name]
            target = 2 * (target - low) / (high - low) - 1
            terms[f'loss_{name}'] = self.losses[name](positions[i], target, valid[:, i])
        return terms

    def _forward_any(self, images: Tensor | Sequence[Tensor]) -> CameraLogits:
        """One forward per size, rows in the order of the input."""
        if isinstance(images, Tensor):
            return self(images)
        if len(images) == 0:
            raise ValueError('CamCalib: no images were given')
        groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for i, image in enumerate(images):
            check_shape(image, (3, None, None), f'CamCalib: images[{i}]')
            groups[tuple(image.shape)].append(i)
        parts = [self(torch.stack([images[i] for i in rows])) for rows in groups.values()]
        order = [i for rows in groups.values() for i in rows]
        inverse = torch.tensor(sorted(range(len(order)), key=order.__getitem__))
        inverse = inverse.to(parts[0].vfov.device)
        return CameraLogits(*(torch.cat(scores)[inverse] for scores in zip(*parts)))

    def _resize(self, images: Tensor) -> Tensor:
        h, w = images.shape[2:]
        if self.short_side is None or min(h, w) == self.short_side:
            return images
        ratio = self.short_side / min(h, w)
        size = (round(h * ratio), round(w * ratio))
        return F.interpolate(images, size, mode='bilinear', align_corners=False, antialias=True)


def _loss(child: dict | nn.Module | None, *, biased: bool) -> nn.Module:
    return CameraAngleLoss(biased=biased) if child is None else build_child(LOSSES, child)


def _soft_argmax(scores: Tensor) -> Tensor:
    """Expected bin, first bin at -1 and last at 1; half precision is too coarse for it."""
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    places = torch.linspace(-1, 1, scores.shape[1], dtype=scores.dtype, device=scores.device)
    return (scores.softmax(dim=1) * places).sum(dim=1)
