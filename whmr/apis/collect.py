"""From the data samples of one photo to its result record."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.structures import InstanceData

from whmr.apis.hmr_result import HMRResult
from whmr.apis.known_camera import KnownCamera
from whmr.body_models import BodyModel
from whmr.geometry import focal_to_vfov, rotmat_to_axis_angle, rotmat_to_pitch_roll
from whmr.keypoints import JOINT_SETS
from whmr.structures import HMRDataSample

NUM_JOINTS = len(JOINT_SETS['spin49'].joints)
NEEDED = ('betas', 'global_orient', 'body_pose', 'cam_t', 'focal_length', 'vertices', 'joints')


def collect_result(
    name: str,
    image_shape: tuple[int, int],
    *,
    boxes: np.ndarray,
    scores: np.ndarray,
    samples: Sequence[HMRDataSample],
    known: KnownCamera,
    body_model: BodyModel,
) -> HMRResult:
    """Gather what a model wrote into the samples of one photo.

    Args:
        name: The photo.
        image_shape: H, W of the photo.
        boxes: Where the people are.
        scores: How sure the detector was.
        samples: One per person, with `pred_instances` and perhaps `pred_camera`; may be empty.
        known: What the model was told of the camera: `vfov` follows from a known focal length.
        body_model: The model's body.

    Shapes: N people.
        boxes: (N, 4) xyxy full px.  scores: (N,).

    Raises:
        KeyError: If the model does not predict a field that every result must have.
        ArithmeticError: If a prediction is not finite.
    """
    people = [sample.pred_instances for sample in samples]
    for field in NEEDED:
        if any(field not in person for person in people):
            raise KeyError(f'the model predicts no {field!r}: it cannot be used for inference')
    cameras = [sample.get('pred_camera') for sample in samples]
    shapes = {
        'betas': (body_model.num_betas,),
        'global_orient': (1, 3, 3),
        'body_pose': (23, 3, 3),
        'global_orient_world': (1, 3, 3),
        'weak_cam': (3,),
        'cam_t': (3,),
        'focal_length': (),
        'vertices': (body_model.num_vertices, 3),
        'joints': (NUM_JOINTS, 3),
        'vertices_world': (body_model.num_vertices, 3),
        'joints_world': (NUM_JOINTS, 3),
        'keypoints_2d': (NUM_JOINTS, 2),
    }
    found = {field: _rows(people, field, shape) for field, shape in shapes.items()}
    for field in NEEDED:
        if not np.isfinite(found[field]).all():
            raise ArithmeticError(f'the predicted {field} is not finite')
    camera = cameras[:1]
    rotmat, pitch, roll, rotation_source = _rotation(camera, known)
    vfov, focal_source = _lens(camera, known, found['focal_length'], image_shape)
    return HMRResult(
        image_name=name,
        image_shape=np.array(image_shape, dtype=np.int64),
        topology=body_model.topology,
        boxes=boxes.astype(np.float32),
        scores=scores.astype(np.float32),
        betas=found['betas'],
        global_orient=_axis_angle(found['global_orient']),
        global_orient_rotmat=found['global_orient'],
        body_pose=_axis_angle(found['body_pose']),
        body_pose_rotmat=found['body_pose'],
        global_orient_world=_axis_angle(found['global_orient_world']),
        global_orient_world_rotmat=found['global_orient_world'],
        weak_cam=found['weak_cam'],
        cam_t=found['cam_t'],
        focal_length=found['focal_length'],
        intrinsics=_intrinsics(found['focal_length'], image_shape),
        vertices=found['vertices'],
        joints=found['joints'],
        vertices_world=found['vertices_world'],
        joints_world=found['joints_world'],
        keypoints_2d=found['keypoints_2d'],
        faces=body_model.faces.cpu().numpy().astype(np.int32),
        world2cam_rotmat=rotmat,
        pitch=pitch,
        roll=roll,
        vfov=vfov,
        focal_source=focal_source,
        rotation_source=rotation_source,
    )


def _rotation(
    camera: Sequence[InstanceData | None], known: KnownCamera
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """World to camera, pitch, roll, and where they come from.

    A model that takes no known rotation has turned people by its own.
    """
    found = _first(camera, 'world2cam_rotmat', (3, 3))
    if known.world2cam_rotmat is not None and (
        np.isnan(found).any() or np.allclose(found, known.world2cam_rotmat, atol=1e-3)
    ):
        rotmat = torch.from_numpy(known.world2cam_rotmat).float()
        pitch, roll = rotmat_to_pitch_roll(rotmat)
        return rotmat.numpy(), pitch.numpy(), roll.numpy(), 'given'
    source = 'unknown' if np.isnan(found).any() else 'predicted'
    return found, _first(camera, 'pitch', ()), _first(camera, 'roll', ()), source


def _lens(
    camera: Sequence[InstanceData | None],
    known: KnownCamera,
    focal_length: np.ndarray,
    image_shape: tuple[int, int],
) -> tuple[np.ndarray, str]:
    """Vertical field of view, and where the focal length comes from.

    A model that takes no known focal length has predicted its own.
    """
    used = known.focal_length is not None and np.allclose(
        focal_length, known.focal_length, rtol=1e-3
    )
    if used:
        height, focal = (torch.tensor(float(x)) for x in (image_shape[0], known.focal_length))
        return focal_to_vfov(focal, height).numpy(), known.focal_source
    return _first(camera, 'vfov', ()), 'predicted' if len(focal_length) else 'unknown'


def _rows(people: Sequence[InstanceData], field: str, shape: tuple[int, ...]) -> np.ndarray:
    """(N, *shape) float32; NaN where a person lacks the field."""
    rows = np.full((len(people), *shape), np.nan, dtype=np.float32)
    for index, person in enumerate(people):
        if field in person:
            rows[index] = person[field].detach().float().cpu().numpy().reshape(shape)
    return rows


def _first(
    cameras: Sequence[InstanceData | None], field: str, shape: tuple[int, ...]
) -> np.ndarray:
    known = [camera for camera in cameras if camera is not None]
    if not known:
        return np.full(shape, np.nan, dtype=np.float32)
    return _rows(known, field, shape).reshape(shape)


def _axis_angle(matrices: np.ndarray) -> np.ndarray:
    """(..., 3) rad of (..., 3, 3); NaN where a matrix is unknown."""
    turned = rotmat_to_axis_angle(torch.from_numpy(np.nan_to_num(matrices))).numpy()
    unknown = np.isnan(matrices).any(axis=(-2, -1))
    return np.where(unknown[..., None], np.float32(np.nan), turned.astype(np.float32))


def _intrinsics(focal_length: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray:
    """(N, 3, 3) full px, principal point in the middle of the photo."""
    height, width = image_shape
    matrices = np.tile(np.eye(3, dtype=np.float32), (len(focal_length), 1, 1))
    matrices[:, 0, 0] = matrices[:, 1, 1] = focal_length
    matrices[:, :2, 2] = width / 2, height / 2
    return matrices
