"""The crop camera, the full-image camera, and the way from one to the other.

Pixels are continuous (the image spans [0, W] x [0, H]). No function detaches: callers decide which
gradients flow.
"""

import torch
from torch import Tensor

from whmr.geometry.checks import check_last, check_shape
from whmr.geometry.frames import pseudo_focal_length

CROP_FOCAL_LENGTH = 1000.0  # px at crop resolution


def weak_cam_to_crop_t(weak_cam: Tensor, crop_size: int | float) -> Tensor:
    """Translation of the crop camera, `(tx, ty, 2 F0 / (R s))`, with F0 = `CROP_FOCAL_LENGTH`.

    Args:
        weak_cam: `[s, tx, ty]`.
        crop_size: Side R of the square crop in px.

    Shapes: B batch.
        weak_cam: (B, 3).  returns: (B, 3) m, camera.

    Raises:
        ValueError: A shape is wrong.
    """
    check_shape(weak_cam, (None, 3), 'weak_cam')
    scale, tx, ty = weak_cam.unbind(-1)
    return torch.stack([tx, ty, 2 * CROP_FOCAL_LENGTH / (crop_size * scale + 1e-9)], -1)


def project_crop(points: Tensor, weak_cam: Tensor, crop_size: int | float) -> Tensor:
    """Project with the crop camera: perspective, constant focal length, centred on the crop.

    Args:
        points: Points of the body, without camera translation.
        weak_cam: `[s, tx, ty]`.
        crop_size: Side R of the square crop in px.

    Shapes: B batch, P points.
        points: (B, P, 3) m, camera axes.  weak_cam: (B, 3).
        returns: (B, P, 2) in [-1, 1] of the SQUARE crop.

    Raises:
        ValueError: A shape is wrong.
    """
    check_shape(points, (None, None, 3), 'points')
    check_shape(weak_cam, (points.shape[0], 3), 'weak_cam')
    placed = points + weak_cam_to_crop_t(weak_cam, crop_size)[:, None]
    return CROP_FOCAL_LENGTH / (crop_size / 2) * placed[..., :2] / placed[..., 2:]


def focal_from_distance(distance: Tensor, scale: Tensor, bbox_size: Tensor) -> Tensor:
    """Focal length of the full-image camera, `f = s b d / 2` (W-HMR Eq. 3; the 2 is a 2 m body).

    Args:
        distance: Distance of the body along the optical axis.
        scale: `s` of the weak camera.
        bbox_size: Side of the square box.

    Shapes: B batch.
        distance: (B,) m.  scale: (B,).  bbox_size: (B,) full px.  returns: (B,) full px.

    Raises:
        ValueError: A shape is wrong.
    """
    batch = distance.shape[0] if distance.dim() else None
    for name, value in (('distance', distance), ('scale', scale), ('bbox_size', bbox_size)):
        check_shape(value, (batch,), name)
    return scale * bbox_size * distance / 2


def full_cam_t(
    weak_cam: Tensor,
    distance: Tensor,
    bbox_center: Tensor,
    bbox_size: Tensor,
    full_shape: Tensor,
) -> Tensor:
    """Translation of the body in the full-image camera (W-HMR Eq. 2 and 4).

    The principal point is the image centre.

    Args:
        weak_cam: `[s, tx, ty]`.
        distance: Distance of the body along the optical axis.
        bbox_center: Centre of the box.
        bbox_size: Side of the square box.
        full_shape: Height and width of the full image.

    Shapes: B batch.
        weak_cam: (B, 3).  distance: (B,) m.  bbox_center: (B, 2) x, y in full px.
        bbox_size: (B,) full px.  full_shape: (B, 2) H, W in px.  returns: (B, 3) m, camera.

    Raises:
        ValueError: A shape is wrong.
    """
    batch = weak_cam.shape[0]
    check_shape(weak_cam, (None, 3), 'weak_cam')
    check_shape(distance, (batch,), 'distance')
    check_shape(bbox_center, (batch, 2), 'bbox_center')
    check_shape(bbox_size, (batch,), 'bbox_size')
    check_shape(full_shape, (batch, 2), 'full_shape')
    offset = bbox_center - full_shape.flip(-1) / 2
    shift = 2 * offset / (weak_cam[:, 0] * bbox_size)[:, None]
    return torch.cat([weak_cam[:, 1:] + shift, distance[:, None]], -1)


def project_full(
    points: Tensor,
    cam_t: Tensor,
    focal_length: Tensor,
    full_shape: Tensor,
    principal_point: Tensor | None = None,
) -> Tensor:
    """Project with the full-image camera.

    Args:
        points: Points of the body, without camera translation.
        cam_t: Translation of the body.
        focal_length: Focal length.
        full_shape: Height and width of the full image.
        principal_point: Where the optical axis meets the image; default the image centre.

    Shapes: B batch, P points.
        points: (B, P, 3) m, camera axes.  cam_t: (B, 3) m, camera.  focal_length: (B,) full px.
        full_shape: (B, 2) H, W in px.  principal_point: (B, 2) x, y in full px.
        returns: (B, P, 2) full px.

    Raises:
        ValueError: A shape is wrong.
    """
    batch = points.shape[0]
    check_shape(points, (None, None, 3), 'points')
    check_shape(cam_t, (batch, 3), 'cam_t')
    check_shape(focal_length, (batch,), 'focal_length')
    check_shape(full_shape, (batch, 2), 'full_shape')
    if principal_point is None:
        principal_point = full_shape.flip(-1) / 2
    check_shape(principal_point, (batch, 2), 'principal_point')
    placed = points + cam_t[:, None]
    rays = placed[..., :2] / placed[..., 2:]
    return focal_length[:, None, None] * rays + principal_point[:, None]


def normalize_full(points: Tensor, full_shape: Tensor) -> Tensor:
    """Full-image pixels to [-1, 1], x by W and y by H.

    Args:
        points: Points in pixels.
        full_shape: Height and width of the full image.

    Shapes: B batch, P points.
        points: (B, P, 2) full px.  full_shape: (B, 2) H, W in px.  returns: (B, P, 2).

    Raises:
        ValueError: A shape is wrong.
    """
    check_shape(points, (None, None, 2), 'points')
    check_shape(full_shape, (points.shape[0], 2), 'full_shape')
    return 2 * points / full_shape.flip(-1)[:, None] - 1


def denormalize_full(points: Tensor, full_shape: Tensor) -> Tensor:
    """[-1, 1] over the full image to pixels; the inverse of `normalize_full`.

    Args:
        points: Normalised points.
        full_shape: Height and width of the full image.

    Shapes: B batch, P points.
        points: (B, P, 2).  full_shape: (B, 2) H, W in px.  returns: (B, P, 2) full px.

    Raises:
        ValueError: A shape is wrong.
    """
    check_shape(points, (None, None, 2), 'points')
    check_shape(full_shape, (points.shape[0], 2), 'full_shape')
    return (points + 1) / 2 * full_shape.flip(-1)[:, None]


def intrinsics_matrix(focal: Tensor, principal_point: Tensor) -> Tensor:
    """Pinhole matrices with one focal length for both axes and no skew.

    Args:
        focal: Focal length.
        principal_point: Where the optical axis meets the image.

    Shapes: B batch.
        focal: (B,) px.  principal_point: (B, 2) x, y in px.  returns: (B, 3, 3) px.

    Raises:
        ValueError: A shape is wrong.
    """
    check_shape(focal, (None,), 'focal')
    check_shape(principal_point, (focal.shape[0], 2), 'principal_point')
    zero, one = torch.zeros_like(focal), torch.ones_like(focal)
    cx, cy = principal_point.unbind(-1)
    return torch.stack([focal, zero, cx, zero, focal, cy, zero, zero, one], -1).unflatten(
        -1, (3, 3)
    )


def estimate_translation(joints: Tensor, keypoints: Tensor, conf: Tensor, focal: Tensor) -> Tensor:
    """Translation that best projects 3D joints onto 2D keypoints, by weighted linear least squares.

    Minimises `sum_k conf_k |f (X + t)_xy - u (Z + t_z)|^2`, solved in closed form in float64.
    A row that does not fix a translation (fewer than two distinct labelled keypoints) gives zeros:
    mask it.

    Args:
        joints: 3D joints without translation.
        keypoints: Keypoints, relative to the principal point.
        conf: Weight of each keypoint, 0 = unlabelled.
        focal: Focal length.

    Shapes: B batch, K joints.
        joints: (B, K, 3) m, camera axes.  keypoints: (B, K, 2) px.  conf: (B, K).  focal: (B,) px.
        returns: (B, 3) m, camera.

    Raises:
        ValueError: A shape is wrong.
    """
    batch, num_joints = joints.shape[:2]
    check_shape(joints, (None, None, 3), 'joints')
    check_shape(keypoints, (batch, num_joints, 2), 'keypoints')
    check_shape(conf, (batch, num_joints), 'conf')
    check_shape(focal, (batch,), 'focal')
    rays = keypoints.double() / focal.double()[:, None, None]
    # With x = u / f each keypoint asks for t_xy - x t_z = a.
    a = rays * joints[..., 2:].double() - joints[..., :2].double()
    weight = conf.double()
    total = weight.sum(1, keepdim=True)
    weight = (weight / torch.where(total > 0, total, torch.ones_like(total)))[..., None]
    ray_mean, a_mean = (weight * rays).sum(1), (weight * a).sum(1)
    rays_centred, a_centred = rays - ray_mean[:, None], a - a_mean[:, None]
    spread = (weight * rays_centred**2).sum((1, 2))
    solvable = spread > 1e-14
    depth = -(weight * rays_centred * a_centred).sum((1, 2))
    depth = depth / torch.where(solvable, spread, torch.ones_like(spread))
    translation = torch.cat([a_mean + ray_mean * depth[:, None], depth[:, None]], -1)
    return torch.where(solvable[:, None], translation, torch.zeros_like(translation)).to(joints)


def global_info(bbox_center: Tensor, bbox_size: Tensor, full_shape: Tensor) -> Tensor:
    """Where the crop lies in its photo (W-HMR Eq. 7).

    `(cx - W/2, cy - H/2, b, W, H) / sqrt(H^2 + W^2)`.

    Args:
        bbox_center: Centre of the box.
        bbox_size: Side of the square box.
        full_shape: Height and width of the full image.

    Shapes: B batch.
        bbox_center: (B, 2) x, y in full px.  bbox_size: (B,) full px.
        full_shape: (B, 2) H, W in px.
        returns: (B, 5).

    Raises:
        ValueError: A shape is wrong.
    """
    check_last(bbox_center, (2,), 'bbox_center')
    batch = bbox_center.shape[0]
    check_shape(bbox_center, (None, 2), 'bbox_center')
    check_shape(bbox_size, (batch,), 'bbox_size')
    check_shape(full_shape, (batch, 2), 'full_shape')
    full_size = full_shape.flip(-1)
    info = torch.cat([bbox_center - full_size / 2, bbox_size[:, None], full_size], -1)
    return info / pseudo_focal_length(full_shape)[:, None]
