"""Camera and world frames.

Camera: x right, y down, z forward. World: the same axis names, gravity along +y, yaw
removed, so that `x_cam = world2cam_rotmat @ x_world` with
`world2cam_rotmat = Rx(pitch) @ Rz(roll)`. Pitch > 0 looks down.
"""

import torch
from torch import Tensor

from whmr.geometry.checks import check_last
from whmr.geometry.precision import full_precision
from whmr.geometry.rotations import euler_to_rotmat


def pitch_roll_to_rotmat(pitch: Tensor, roll: Tensor) -> Tensor:
    """World-to-camera rotation `Rx(pitch) @ Rz(roll)` (W-HMR Sec. 3.2; the order matters).

    Args:
        pitch: Positive when the camera looks down.
        roll: Rotation about the optical axis.

    Shapes:
        pitch, roll: (...) rad.  returns: (..., 3, 3), `x_cam = R @ x_world`.

    Raises:
        ValueError: The shapes differ.
    """
    if pitch.shape != roll.shape:
        raise ValueError(
            f'pitch and roll: shapes {tuple(pitch.shape)} and {tuple(roll.shape)} differ'
        )
    return euler_to_rotmat(pitch, torch.zeros_like(pitch), roll)


def gravity_to_pitch_roll(gravity: Tensor) -> tuple[Tensor, Tensor]:
    """Pitch and roll of a camera that sees gravity in a given direction.

    `roll = -asin(gx)`, `pitch = atan2(gz, gy)` of the unit direction; roll lies in [-pi/2, pi/2],
    pitch in [-pi, pi] (an upside-down camera has |pitch| > pi/2). Pitch is undefined where gravity
    runs along the image's rows.

    Args:
        gravity: Direction of gravity in camera axes, any length but zero.

    Shapes:
        gravity: (..., 3).  returns: pitch (...), roll (...), rad.

    Raises:
        ValueError: The last axis is not 3.
    """
    check_last(gravity, (3,), 'gravity')
    gx, gy, gz = gravity.unbind(-1)
    # atan2 instead of asin: no unit length needed, and no loss of digits near 90 degrees.
    roll = -torch.atan2(gx, torch.linalg.vector_norm(gravity[..., 1:], dim=-1))
    return torch.atan2(gz, gy), roll


def rotmat_to_pitch_roll(world2cam_rotmat: Tensor) -> tuple[Tensor, Tensor]:
    """Pitch and roll of a world-to-camera rotation; a yaw of the world's axes does not change them.

    Args:
        world2cam_rotmat: Rotations from any world whose +y is gravity.

    Shapes:
        world2cam_rotmat: (..., 3, 3).  returns: pitch (...), roll (...), rad.

    Raises:
        ValueError: The last axes are not (3, 3).
    """
    check_last(world2cam_rotmat, (3, 3), 'world2cam_rotmat')
    return gravity_to_pitch_roll(world2cam_rotmat[..., :, 1])


def world2cam_from_extrinsics(rotmat: Tensor, up_axis: Tensor) -> Tensor:
    """Our yaw-free world-to-camera rotation from a data set's own extrinsics.

    Args:
        rotmat: Rotations from the data set's world to the camera (x right, y down, z forward).
        up_axis: The direction that points up, away from gravity, in the data set's world.

    Shapes:
        rotmat: (..., 3, 3).  up_axis: (3,).  returns: (..., 3, 3).

    Raises:
        ValueError: A shape is wrong.
    """
    check_last(rotmat, (3, 3), 'rotmat')
    if up_axis.shape != (3,):
        raise ValueError(f'up_axis: expected shape (3,), got {tuple(up_axis.shape)}')
    with full_precision(rotmat):
        gravity = -(rotmat @ up_axis.to(rotmat))
    return pitch_roll_to_rotmat(*gravity_to_pitch_roll(gravity))


def camera_to_world_orient(global_orient: Tensor, world2cam_rotmat: Tensor) -> Tensor:
    """Body orientation in the world, `R^T @ global_orient`.

    Args:
        global_orient: Body orientation, model to camera.
        world2cam_rotmat: World-to-camera rotation R of each body, or one for all.

    Shapes: N... leading axes.
        global_orient: (N..., 3, 3) or (N..., 1, 3, 3).  world2cam_rotmat: (N..., 3, 3) or (3, 3).
        returns: as global_orient, model to world.

    Raises:
        ValueError: The shapes do not pair each body with its camera.
    """
    with full_precision(global_orient):
        return _paired(world2cam_rotmat, global_orient).mT @ global_orient


def world_to_camera_orient(global_orient_world: Tensor, world2cam_rotmat: Tensor) -> Tensor:
    """Body orientation in the camera, `R @ global_orient_world`.

    Args:
        global_orient_world: Body orientation, model to world.
        world2cam_rotmat: World-to-camera rotation R of each body, or one for all.

    Shapes: N... leading axes.
        global_orient_world: (N..., 3, 3) or (N..., 1, 3, 3).
        world2cam_rotmat: (N..., 3, 3) or (3, 3).
        returns: as global_orient_world, model to camera.

    Raises:
        ValueError: The shapes do not pair each body with its camera.
    """
    with full_precision(global_orient_world):
        return _paired(world2cam_rotmat, global_orient_world) @ global_orient_world


def _paired(world2cam_rotmat: Tensor, orient: Tensor) -> Tensor:
    """The camera rotations with the axes of `orient`; broadcasting would mix a batch's rows."""
    check_last(orient, (3, 3), 'global_orient')
    check_last(world2cam_rotmat, (3, 3), 'world2cam_rotmat')
    if world2cam_rotmat.dim() == 2 or world2cam_rotmat.shape == orient.shape:
        return world2cam_rotmat
    if (*world2cam_rotmat.shape[:-2], 1, 3, 3) == tuple(orient.shape):
        return world2cam_rotmat.unsqueeze(-3)
    raise ValueError(
        f'world2cam_rotmat of shape {tuple(world2cam_rotmat.shape)} does not pair with '
        f'global_orient of shape {tuple(orient.shape)}: give one rotation for each body'
    )


def up_vector(global_orient: Tensor) -> Tensor:
    """Direction of the body's own up (the model's y axis) after its orientation.

    Args:
        global_orient: Body orientation.

    Shapes:
        global_orient: (..., 3, 3).
        returns: (..., 3) unit vectors in the frame that the orientation leads to.

    Raises:
        ValueError: The last axes are not (3, 3).
    """
    check_last(global_orient, (3, 3), 'global_orient')
    return global_orient[..., :, 1]


def vfov_to_focal(vfov: Tensor, height: Tensor | float) -> Tensor:
    """Focal length of a vertical field of view.

    Args:
        vfov: Vertical field of view.
        height: Image height.

    Shapes:
        vfov: (...) rad.  height: (...) or a number, px.  returns: (...) px.
    """
    return 0.5 * height / torch.tan(0.5 * vfov)


def focal_to_vfov(focal: Tensor, height: Tensor | float) -> Tensor:
    """Vertical field of view of a focal length.

    Args:
        focal: Focal length.
        height: Image height.

    Shapes:
        focal: (...) px.  height: (...) or a number, px.  returns: (...) rad.
    """
    return 2 * torch.atan(0.5 * height / focal)


def pseudo_focal_length(full_shape: Tensor) -> Tensor:
    """The image diagonal, which stands in for an unknown focal length (W-HMR Eq. 7-8).

    Args:
        full_shape: Height and width of the full image.

    Shapes:
        full_shape: (..., 2) H, W in px.  returns: (...) px.

    Raises:
        ValueError: The last axis is not 2.
    """
    check_last(full_shape, (2,), 'full_shape')
    return torch.linalg.vector_norm(full_shape, dim=-1)
