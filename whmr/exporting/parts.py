"""The three parts of a model that become files of their own: tensors in, tensors out."""

from collections.abc import Sequence
from dataclasses import fields

import torch
from torch import Tensor, nn

from whmr.geometry import project_full
from whmr.models.estimators import WorldHMR
from whmr.structures import BodyEstimate, CropMetas, OrientationInputs

ESTIMATE = ('global_orient', 'body_pose', 'betas', 'weak_cam', 'focal_length', 'cam_t')
ESTIMATE = (*ESTIMATE, 'vertices', 'joints')
FROM_CAMERA = 'world2cam_rotmat'  # the one input of the orientation module that no crop gives


class ExportPart(nn.Module):
    """What is written to one file.

    Attributes:
        inputs: Names of the inputs, in order.
        outputs: Names of the outputs, in order.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class CameraSpacePart(ExportPart):
    """From crops to bodies in camera axes, body model included.

    Args:
        estimator: `WorldHMR`, or a model with `estimate(inputs, metas) -> BodyEstimate`.
        crop_shape: Height and width of the crops.

    Attributes:
        orientation_inputs: Input of the orientation module -> the output that it is.

    Shapes: B batch, h and w = `crop_shape`; outputs as in `BodyEstimate` and `OrientationInputs`.
        crop: (B, 3, h, w) normalised.  crop2full: (B, 2, 3) crop px -> full px.
        full_shape: (B, 2) H, W in px.  known_focal_length: (B,) full px, NaN = not known.
    """

    inputs = ('crop', 'crop2full', 'full_shape', 'known_focal_length')

    def __init__(self, estimator: nn.Module, crop_shape: tuple[int, int]) -> None:
        super().__init__()
        self.estimator = estimator
        self.crop_shape = crop_shape
        self.orientation_inputs: dict[str, str] = {}
        self.outputs = ()
        with torch.no_grad():
            self.outputs = tuple(self._run(*example_crops(2, crop_shape)))

    def forward(
        self, crop: Tensor, crop2full: Tensor, full_shape: Tensor, known_focal_length: Tensor
    ) -> tuple[Tensor, ...]:
        found = self._run(crop, crop2full, full_shape, known_focal_length)
        return tuple(found[name] for name in self.outputs)

    def _run(
        self, crop: Tensor, crop2full: Tensor, full_shape: Tensor, known_focal_length: Tensor
    ) -> dict[str, Tensor]:
        metas = CropMetas(
            crop2full=crop2full,
            full_shape=full_shape,
            crop_shape=self.crop_shape,
            image_index=torch.zeros_like(known_focal_length, dtype=torch.int64),
            known_focal_length=known_focal_length,
        )
        if not isinstance(self.estimator, WorldHMR):
            return _named(self.estimator.estimate({'crop': crop}, metas), full_shape)
        estimate, _, ready = self.estimator.prepare({'crop': crop}, metas)
        found = _named(estimate, full_shape)
        for field in fields(OrientationInputs):
            if field.name == FROM_CAMERA:
                continue
            value = getattr(ready, field.name)
            name = next((name for name, other in found.items() if other is value), None)
            if name is None:
                name = f'orient_{field.name}' if field.name in found else field.name
                found[name] = value
            self.orientation_inputs[field.name] = name
        return found


class CalibratorPart(ExportPart):
    """From whole photos to their cameras.

    Args:
        camera: A module of `CAMERAS`.

    Shapes: P photos of one size; outputs as in `CameraEstimate`.
        photo: (P, 3, H, W) normalised.
    """

    inputs = ('photo',)
    outputs = ('vfov', 'pitch', 'roll', 'world2cam_rotmat')

    def __init__(self, camera: nn.Module) -> None:
        super().__init__()
        self.camera = camera

    def forward(self, photo: Tensor) -> tuple[Tensor, ...]:
        found = self.camera.predict(photo)
        return tuple(getattr(found, name) for name in self.outputs)


class OrientationPart(ExportPart):
    """From bodies in camera axes and the camera's rotation to bodies in the world.

    Args:
        world: The whole model; its orientation module is used.

    Shapes: inputs as in `OrientationInputs`, outputs as in `WorldEstimate`.
    """

    inputs = tuple(field.name for field in fields(OrientationInputs))
    outputs = ('global_orient_world', 'vertices_world', 'joints_world')

    def __init__(self, world: WorldHMR) -> None:
        super().__init__()
        self.world = world

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        ready = OrientationInputs(**dict(zip(self.inputs, values, strict=True)))
        found = self.world.turn(ready)
        return tuple(getattr(found, name) for name in self.outputs)


def example_crops(batch: int, crop_shape: tuple[int, int], seed: int = 0) -> tuple[Tensor, ...]:
    """Inputs of `CameraSpacePart`: noise, boxes here and there, every other focal length known.

    Args:
        batch: How many crops.
        crop_shape: Height and width of the crops.
        seed: Of the noise.

    Shapes: as the inputs of `CameraSpacePart`.
    """
    source = torch.Generator().manual_seed(seed)
    scale = 0.5 + 3 * torch.rand(batch, generator=source)
    corner = 300 * torch.rand(batch, 2, generator=source)
    crop2full = torch.cat([torch.diag_embed(scale[:, None].expand(-1, 2)), corner[..., None]], -1)
    focal_length = torch.full((batch,), torch.nan)
    focal_length[1::2] = 1200.0
    crop = torch.randn(batch, 3, *crop_shape, generator=source)
    return crop, crop2full, torch.tensor([[720.0, 1280.0]]).repeat(batch, 1), focal_length


def example_photos(batch: int, shape: tuple[int, int], seed: int = 0) -> tuple[Tensor, ...]:
    """Inputs of `CalibratorPart`: noise.

    Args:
        batch: How many photos.
        shape: Their height and width.
        seed: Of the noise.

    Shapes: as the inputs of `CalibratorPart`.
    """
    return (torch.randn(batch, 3, *shape, generator=torch.Generator().manual_seed(seed)),)


def example_orientations(
    part: CameraSpacePart, crops: Sequence[Tensor], rotmat: Tensor
) -> tuple[Tensor, ...]:
    """Inputs of `OrientationPart`: what a camera-space part says of crops.

    Args:
        part: Of the same model.
        crops: Its inputs.
        rotmat: Rotations of the cameras.

    Shapes: B batch.
        rotmat: (B, 3, 3) x_cam = R x_world.  returns: as the inputs of `OrientationPart`.
    """
    found = dict(zip(part.outputs, part(*crops), strict=True))
    found |= {name: found[output] for name, output in part.orientation_inputs.items()}
    found[FROM_CAMERA] = rotmat
    return tuple(found[name] for name in OrientationPart.inputs)


def _named(estimate: BodyEstimate, full_shape: Tensor) -> dict[str, Tensor]:
    """What users are given of an estimate."""
    values = {name: getattr(estimate, name) for name in ESTIMATE}
    lens = (estimate.joints, estimate.cam_t, estimate.focal_length)
    if all(value is not None for value in lens):
        values['keypoints_2d'] = project_full(*lens, full_shape)
    return {name: value for name, value in values.items() if value is not None}
