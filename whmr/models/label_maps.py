"""Label maps over the crop: part, surface coordinates and depth of the labelled body."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from whmr.body_models import BodyModel
from whmr.geometry import CROP_FOCAL_LENGTH, estimate_translation, invert_affine
from whmr.keypoints import NUM_OPENPOSE_JOINTS
from whmr.rendering import SurfaceMaps, rasterize, render_maps

MIN_KEYPOINTS = 4  # fewer labelled keypoints do not fix a camera well enough to draw with


class LabelledBodies(NamedTuple):
    """What is drawn: posed bodies and where their labels say that they are.

    Shapes: B batch, V vertices, K = 49 joints.
        vertices: (B, V, 3), joints: (B, K, 3) m, camera axes, no translation.
        keypoints: (B, K, 2) crop px, conf: (B, K).
        cam_t: (B, 3) m, intrinsics: (B, 3, 3) full px; has_camera: (B,) bool, both are labelled.
        crop2full: (B, 2, 3).
    """

    vertices: Tensor
    joints: Tensor
    keypoints: Tensor
    conf: Tensor
    cam_t: Tensor
    intrinsics: Tensor
    has_camera: Tensor
    crop2full: Tensor


class LabelMapRenderer:
    """Draws the labelled bodies as the crop shows them (W-HMR Sec. 3.3, targets of Eq. 11 and 12).

    A body whose translation and intrinsics are labelled is drawn with its own camera, carried into
    the crop by `crop2full`; any other with the crop camera (focal length 1000 px) at the
    translation that best explains its annotated keypoints.

    Args:
        shape: Height and width of the maps; they span the crop.
        depth_camera: `crop`: depth is that of the crop camera for every body, so that equal crops
            have equal depth whatever is labelled (the body's relief stays in metres); `label`:
            bodies with a labelled camera keep their true depth.
        backend: Of the rasteriser: `auto`, `numba` or `torch`.

    Raises:
        ValueError: An argument is out of its range.

    Shapes: as in `whmr.rendering.SurfaceMaps`.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        depth_camera: Literal['crop', 'label'] = 'crop',
        *,
        backend: str = 'auto',
    ) -> None:
        if len(shape) != 2 or min(shape) < 1:
            raise ValueError(f'render_maps: shape must be (height, width), got {shape}')
        if depth_camera not in ('crop', 'label'):
            raise ValueError(
                f"render_maps: depth_camera must be 'crop' or 'label', got {depth_camera!r}"
            )
        self.shape = (int(shape[0]), int(shape[1]))
        self.depth_camera = depth_camera
        self.backend = backend

    def __call__(
        self, body: BodyModel, bodies: LabelledBodies, crop_shape: tuple[int, int]
    ) -> tuple[SurfaceMaps, Tensor]:
        """Draw.

        Args:
            body: The body model (faces and atlas).
            bodies: What to draw.
            crop_shape: Height and width of the network input.

        Returns:
            The maps, and which bodies could be drawn.

        Shapes: B batch. returns: SurfaceMaps, (B,) bool.
        """
        translation, intrinsics, drawn = self._cameras(bodies, crop_shape)
        rows = drawn.nonzero(as_tuple=True)[0]
        maps = self._empty(len(drawn), bodies.vertices.device)
        if len(rows):
            placed = (bodies.vertices + translation[:, None])[rows]
            raster = rasterize(placed, body.faces, intrinsics[rows], self.shape, self.backend)
            found = render_maps(raster, body.atlas)
            depth = found.depth
            if self.depth_camera == 'crop':
                shift = self._depth_shift(bodies, translation, intrinsics, crop_shape)[rows]
                depth = torch.where(depth > 0, depth + shift[:, None, None, None], depth)
            for target, value in zip(maps, (*found[:2], depth)):
                target[rows] = value
        return maps, drawn

    def _cameras(
        self, bodies: LabelledBodies, crop_shape: tuple[int, int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Translation (B, 3) and map intrinsics (B, 3, 3) of each body, and where there are any."""
        height, width = crop_shape
        batch = len(bodies.vertices)
        middle = bodies.vertices.new_tensor([width / 2, height / 2])
        conf = bodies.conf.clone()
        conf[:, :NUM_OPENPOSE_JOINTS] = 0
        focal = bodies.vertices.new_full((batch,), CROP_FOCAL_LENGTH)
        fitted = estimate_translation(bodies.joints, bodies.keypoints - middle, conf, focal)
        usable = ((conf > 0).sum(1) >= MIN_KEYPOINTS) & (fitted[:, 2] > 0)
        crop_camera = torch.diag(middle.new_tensor([CROP_FOCAL_LENGTH, CROP_FOCAL_LENGTH, 1.0]))
        crop_camera[:2, 2] = middle
        full2crop = torch.eye(3, device=middle.device).repeat(batch, 1, 1)
        full2crop[:, :2] = invert_affine(bodies.crop2full)
        labelled = bodies.has_camera
        translation = torch.where(labelled[:, None], bodies.cam_t, fitted)
        intrinsics = torch.where(
            labelled[:, None, None], full2crop @ bodies.intrinsics, crop_camera
        )
        zoom = middle.new_tensor([self.shape[1] / width, self.shape[0] / height, 1.0])
        return translation, zoom[:, None] * intrinsics, labelled | usable

    def _depth_shift(
        self,
        bodies: LabelledBodies,
        translation: Tensor,
        intrinsics: Tensor,
        crop_shape: tuple[int, int],
    ) -> Tensor:
        """How much farther the crop camera sees each body than the camera it is drawn with."""
        focal = intrinsics[:, 1, 1] * (crop_shape[0] / self.shape[0])
        distance = translation[:, 2] + bodies.joints[:, NUM_OPENPOSE_JOINTS:, 2].mean(1)
        return distance * (CROP_FOCAL_LENGTH / focal - 1)

    def _empty(self, batch: int, device: torch.device) -> SurfaceMaps:
        shape = self.shape
        return SurfaceMaps(
            torch.zeros(batch, *shape, dtype=torch.int64, device=device),
            torch.zeros(batch, 2, *shape, device=device),
            torch.zeros(batch, 1, *shape, device=device),
        )
