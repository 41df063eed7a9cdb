"""Labels in this library's conventions from those of other data sets. Plain numpy, float64."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from whmr.body_models import SMPL
from whmr.geometry import (
    axis_angle_to_rotmat,
    camera_to_world_orient,
    rotmat_to_axis_angle,
    world2cam_from_extrinsics,
)
from whmr.keypoints import get_joint_set

SMPL_FOLDER = 'data/body_models/smpl'


def number_array(value: Any, size: int) -> np.ndarray | None:
    """Numbers of a foreign file as a flat array; None where they are not `size` numbers.

    Args:
        value: What the file holds: nested lists, an array, None, anything.
        size: How many numbers it must be.

    Shapes: returns: (size,) float64.
    """
    try:
        numbers = np.asarray(value, np.float64).reshape(-1)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.size == size else None


def pick_joints(
    points: np.ndarray, conf: np.ndarray | None, names: Sequence[str | None], target: str
) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints of a source's own joint list in a named joint set.

    A point that is not finite counts as unlabelled. Joints that the source lacks, and unlabelled
    ones, are zeros with confidence 0.

    Args:
        points: The source's keypoints.
        conf: Their confidences; None = 1 where the point is finite.
        names: What each of them is called in the target set; None: it has no such joint.
        target: Name of the joint set.

    Raises:
        KeyError: A name is not in the target set.
        ValueError: The points are not as many as the names.

    Shapes: N people, S source joints, K target joints, D numbers each; same unit and frame.
        points: (N, S, D) or (S, D).  conf: (N, S) or (S,).
        returns: (N, K, D) and (N, K), or without N.
    """
    points = np.asarray(points, np.float64)
    if points.shape[-2] != len(names):
        raise ValueError(f'{len(names)} joints have a name but points are {points.shape}')
    finite = np.isfinite(points).all(-1)
    conf = finite.astype(np.float64) if conf is None else np.where(finite, conf, 0.0)
    joints = get_joint_set(target)
    out = np.zeros((*points.shape[:-2], len(joints), points.shape[-1]))
    out_conf = np.zeros(out.shape[:-1])
    for source, name in enumerate(names):
        if name is not None:
            out[..., joints.index(name), :] = points[..., source, :]
            out_conf[..., joints.index(name)] = conf[..., source]
    out[out_conf <= 0] = 0
    return out, out_conf


def box_from_points(
    points: np.ndarray, conf: np.ndarray | None = None, *, margin: float = 0.0
) -> np.ndarray | None:
    """The tight box of a person's labelled joints or projected mesh.

    Args:
        points: Image points.
        conf: Points with 0 do not count; None: all finite ones do.
        margin: How much is added on each side, as a share of the box's longer side.

    Returns:
        The box, or None where fewer than two points are there or it has no area.

    Shapes: K points.  points: (K, 2) px.  conf: (K,).  returns: (4,) xyxy px.
    """
    there = np.isfinite(points).all(-1)
    if conf is not None:
        there &= np.asarray(conf) > 0
    if there.sum() < 2:
        return None
    low, high = points[there].min(0), points[there].max(0)
    pad = margin * float((high - low).max())
    box = np.concatenate([low - pad, high + pad]).astype(np.float64)
    return box if (box[2:] > box[:2]).all() else None


def intrinsics(focal: float | Sequence[float], center: Sequence[float]) -> np.ndarray:
    """The matrix of a pinhole camera without skew.

    Args:
        focal: Focal length, or those of x and y, px.
        center: Principal point in this library's continuous pixels (OpenCV's + 0.5).

    Shapes: center: (2,) px.  returns: (3, 3) px.
    """
    fx, fy = np.broadcast_to(np.asarray(focal, np.float64), (2,))
    return np.array([[fx, 0, center[0]], [0, fy, center[1]], [0, 0, 1.0]])


def project_points(points: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """Pinhole projection.

    Shapes: points: (..., 3) m, camera axes.  camera: (3, 3) px.  returns: (..., 2) px.
    """
    pixels = np.asarray(points, np.float64) @ np.asarray(camera, np.float64).T
    return pixels[..., :2] / pixels[..., 2:]


def world_labels(
    cam_rotmat: np.ndarray, up_axis: Sequence[float], global_orient: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """The gravity-aligned, yaw-free labels from a data set's extrinsics.

    Args:
        cam_rotmat: Rotation from the data set's world to the camera (x right, y down, z forward).
        up_axis: What points up in the data set's world, such as (0, 1, 0).
        global_orient: Body orientation, model to camera.

    Returns:
        `world2cam_rotmat`, and with `global_orient` also `global_orient_world`: keys of a row.

    Shapes: cam_rotmat: (3, 3).  global_orient: (3,) rad.
        world2cam_rotmat: (3, 3).  global_orient_world: (3,) rad.
    """
    rotmat = torch.from_numpy(np.asarray(cam_rotmat, np.float64))
    world2cam = world2cam_from_extrinsics(rotmat, torch.tensor(up_axis, dtype=torch.float64))
    labels = dict(world2cam_rotmat=world2cam.numpy())
    if global_orient is not None:
        orient = _rotmat(global_orient)
        world = rotmat_to_axis_angle(camera_to_world_orient(orient, world2cam))
        labels['global_orient_world'] = world.numpy()
    return labels


def smpl_in_camera(
    global_orient: np.ndarray,
    cam_rotmat: np.ndarray,
    *,
    transl: np.ndarray | None = None,
    cam_transl: np.ndarray | None = None,
    pelvis: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """A body that a data set gives in its world, in the camera.

    SMPL turns about its pelvis p, then moves by `transl`; in the camera the same body turns about p
    and moves by `cam_t = R (p + transl) + t - p`, which needs p.

    Args:
        global_orient: Body orientation in the data set's world.
        cam_rotmat: Rotation R from that world to the camera.
        transl: SMPL's translation in that world.
        cam_transl: Translation t of the extrinsics, `x_cam = R x + t`.
        pelvis: The body model's pelvis joint for these betas, `PelvisTable`; None: no `cam_t`.

    Returns:
        `global_orient`, and with all of the others also `cam_t` and `pelvis`: keys of a row.

    Shapes: global_orient: (3,) rad.  cam_rotmat: (3, 3).  transl, cam_transl, pelvis: (3,) m.
    """
    rotmat = np.asarray(cam_rotmat, np.float64)
    orient = torch.from_numpy(rotmat) @ _rotmat(global_orient)
    labels = dict(global_orient=rotmat_to_axis_angle(orient).numpy())
    if transl is not None and cam_transl is not None and pelvis is not None:
        pelvis = np.asarray(pelvis, np.float64)
        labels['cam_t'] = rotmat @ (pelvis + transl) + np.asarray(cam_transl).reshape(3) - pelvis
        labels['pelvis'] = pelvis
    return labels


class PelvisTable:
    """The pelvis joint of SMPL bodies, if the user has the SMPL files.

    Args:
        model_path: Folder of the files that `whmr.body_models.SMPL` reads. A gender whose file is
            not there has no pelvis.
    """

    def __init__(self, model_path: str | Path = SMPL_FOLDER) -> None:
        self.folder = Path(model_path)
        self._bodies: dict[str, SMPL | None] = {}

    def __call__(self, betas: np.ndarray, gender: str = 'neutral') -> np.ndarray | None:
        """Pelvis of one person, or None without the SMPL file of this gender.

        Args:
            betas: Shape coefficients.
            gender: `neutral`, `male` or `female`.

        Raises:
            ValueError: The SMPL file is broken.

        Shapes: betas: (10,).  returns: (3,) m, model axes.
        """
        if gender not in self._bodies:
            there = (self.folder / f'SMPL_{gender.upper()}.npz').is_file()
            self._bodies[gender] = SMPL(self.folder, gender) if there else None
        body = self._bodies[gender]
        if body is None:
            return None
        shape = torch.from_numpy(np.asarray(betas, np.float32))
        with torch.inference_mode():
            pelvis = body.j_template[0] + (shape @ body.j_shapedirs)[:3]
        return pelvis.double().numpy()


def _rotmat(axis_angle: np.ndarray) -> torch.Tensor:
    return axis_angle_to_rotmat(torch.from_numpy(np.asarray(axis_angle, np.float64).reshape(3)))
