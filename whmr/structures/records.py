"""Batched records: what a model is told of its crops, what it is taught, what it estimates.

Shapes: B batch, V vertices, K joints of the set `spin49`, J = 24 body joints, S betas, h and w the
network input.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor


class Record:
    """A dataclass of tensors that moves and is indexed as one."""

    def to(self, device: torch.device | str) -> 'Record':
        """A copy with every tensor on `device`."""
        return self._map(lambda value: value.to(device))

    def __getitem__(self, index: Any) -> 'Record':
        """The rows `index` (an index that keeps the batch axis) of every tensor."""
        return self._map(lambda value: value[index])

    def _map(self, function) -> 'Record':
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: function(v) for k, v in values.items() if isinstance(v, Tensor)})


@dataclass
class CropMetas(Record):
    """Where each crop lies in its photo, and what the user knows of the camera.

    `bbox_center`, `bbox_size` and the global information all derive from `crop2full` and
    `full_shape`. What is not known of the camera is NaN.
    """

    crop2full: Tensor  # (B, 2, 3) affine, crop px -> full px
    full_shape: Tensor  # (B, 2) float: H, W of the full image
    crop_shape: tuple[int, int]  # h, w of the network input
    image_index: Tensor  # (B,) int64: which entry of inputs['full'] a crop is from
    known_focal_length: Tensor | None = None  # (B,) full px
    known_world2cam_rotmat: Tensor | None = None  # (B, 3, 3)

    @property
    def crop_size(self) -> int:
        """Side R, px, of the square that the crop camera is defined on: the input's longer side."""
        return max(self.crop_shape)

    @property
    def bbox_center(self) -> Tensor:
        """(B, 2) centre of the square box, full px."""
        h, w = self.crop_shape
        middle = self.crop2full.new_tensor([w / 2, h / 2, 1.0])
        return (self.crop2full * middle).sum(-1)  # a matrix product would be rounded by autocast

    @property
    def bbox_size(self) -> Tensor:
        """(B,) side of the square box, full px."""
        return torch.linalg.vector_norm(self.crop2full[:, :, 0], dim=-1) * self.crop_size


@dataclass
class HMRTargets(Record):
    """Labels of a batch. A missing label is zeros with its `has_` False (keypoints: conf 0).

    `keypoints_2d_crop` lie in [-1, 1] of the SQUARE crop of side R around the crop's centre,
    `keypoints_2d_full` in [-1, 1] of the full image, x by W and y by H. Meshes and joints carry no
    translation. `has_world` speaks of `global_orient_world` and all that follows from it.
    """

    keypoints_2d_crop: Tensor  # (B, K, 2)
    keypoints_2d_full: Tensor  # (B, K, 2)
    keypoints_2d_conf: Tensor  # (B, K)
    keypoints_3d: Tensor  # (B, K, 3) m, camera axes
    keypoints_3d_conf: Tensor  # (B, K)
    has_keypoints_3d: Tensor  # (B,) bool
    global_orient: Tensor  # (B, 1, 3, 3) model -> camera
    body_pose: Tensor  # (B, J-1, 3, 3)
    betas: Tensor  # (B, S)
    vertices: Tensor  # (B, V, 3) m, camera axes
    has_smpl: Tensor  # (B,) bool
    global_orient_world: Tensor  # (B, 1, 3, 3) model -> world
    vertices_world: Tensor  # (B, V, 3) m, world axes
    joints_world: Tensor  # (B, K, 3) m, world axes
    has_world: Tensor  # (B,) bool
    world2cam_rotmat: Tensor  # (B, 3, 3) x_cam = R x_world
    has_world2cam: Tensor  # (B,) bool
    cam_t: Tensor  # (B, 3) m, camera
    has_cam_t: Tensor  # (B,) bool
    focal_length: Tensor  # (B,) full px
    has_focal_length: Tensor  # (B,) bool
    iuv_index: Tensor | None = None  # (B, h, w) int64, part 0..24, 0 = background
    iuv_uv: Tensor | None = None  # (B, 2, h, w) in [0, 1]
    depth: Tensor | None = None  # (B, 1, h, w) m, 0 = background
    has_fields: Tensor | None = None  # (B,) bool


@dataclass
class BodyEstimate(Record):
    """What an HMR model says of each person: the contract that makes OrientCorrect portable.

    A model must give the first four; the rest if it can.
    """

    body_feat: Tensor  # (B, C)
    global_orient: Tensor  # (B, 1, 3, 3) model -> camera
    body_pose: Tensor  # (B, J-1, 3, 3)
    betas: Tensor  # (B, S)
    weak_cam: Tensor | None = None  # (B, 3) s, tx, ty of the crop camera
    distance: Tensor | None = None  # (B,) m
    focal_length: Tensor | None = None  # (B,) full px
    cam_t: Tensor | None = None  # (B, 3) m, camera
    vertices: Tensor | None = None  # (B, V, 3) m, camera axes, no translation
    joints: Tensor | None = None  # (B, K, 3) m, camera axes, no translation
    # The mesh of pose and betas, where `vertices` were regressed without them: what WorldHMR turns.
    posed_vertices: Tensor | None = None  # (B, V, 3) m, camera axes, no translation
    posed_joints: Tensor | None = None  # (B, K, 3) m, camera axes, no translation


@dataclass
class OrientationInputs(Record):
    """What an orientation module reads of each person, and the mesh that its word turns."""

    body_feat: Tensor  # (B, C)
    global_info: Tensor  # (B, 5)
    world2cam_rotmat: Tensor  # (B, 3, 3) x_cam = R x_world
    global_orient: Tensor  # (B, 1, 3, 3) model -> camera, what the module turns
    own_global_orient: Tensor  # (B, 1, 3, 3) model -> camera, how the mesh below is turned
    vertices: Tensor  # (B, V, 3) m, camera axes, no translation
    joints: Tensor  # (B, K, 3) m, camera axes, no translation


@dataclass
class WorldTargets(Record):
    """The labels among `HMRTargets` that speak of the world, under the same names."""

    global_orient_world: Tensor  # (B, 1, 3, 3) model -> world
    vertices_world: Tensor  # (B, V, 3) m, world axes
    joints_world: Tensor  # (B, K, 3) m, world axes
    has_world: Tensor  # (B,) bool
