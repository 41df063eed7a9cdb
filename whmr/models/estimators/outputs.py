"""What W-HMR computes: one record per refinement step, and the whole forward pass."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from whmr.structures.records import Record


@dataclass
class StepOutput(Record):
    """Body and cameras after one refinement step (W-HMR Eq. 14 and 2-4).

    A step that regresses vertices repeats pose, shape and camera of the step before.

    Shapes: B batch, V vertices, K joints of `spin49`, J = 24 body joints, S betas.
    """

    pose: Tensor  # (B, J, 3, 3) as regressed: raw numbers, not yet rotations
    rotmat: Tensor  # (B, J, 3, 3) as given to the body: raw in training, rotations otherwise
    betas: Tensor  # (B, S)
    weak_cam: Tensor  # (B, 3)
    vertices: Tensor  # (B, V, 3) m, camera axes, no translation
    joints: Tensor  # (B, K, 3) m, camera axes, no translation
    keypoints_2d_crop: Tensor  # (B, K, 2) in [-1, 1] of the square crop
    keypoints_2d_full: Tensor  # (B, K, 2) in [-1, 1] of the full image
    focal_length: Tensor  # (B,) full px
    cam_t: Tensor  # (B, 3) m, camera
    # The coarser levels of the pyramid, where a vertex regressor gave them.
    level1: Tensor | None = None  # (B, V1, 3)
    level2: Tensor | None = None  # (B, V2, 3)


@dataclass
class WHMROutput:
    """One forward pass of `WHMR`: `steps[i]` is step i + 1; the last one is the estimate."""

    steps: list[StepOutput]
    distance: Tensor | None  # (B,) m; None without a focal head
    body_feat: Tensor  # (B, C) spatial feature of the last step
    feature_map: Tensor  # (B, C, h, w) last map of the neck, what the auxiliary heads read
