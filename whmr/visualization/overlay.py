"""People drawn over their photo."""

from collections.abc import Sequence

import cv2
import numpy as np

from whmr.rendering import (
    SceneCamera,
    SceneImage,
    SceneLight,
    SceneMesh,
    render_scene,
    vertex_normals,
)
from whmr.visualization.bodies import body_meshes, soft_shadow_size
from whmr.visualization.palette import person_color
from whmr.visualization.posed_people import PosedPeople
from whmr.visualization.shrinking import shrink_image
from whmr.visualization.skeleton import draw_skeleton
from whmr.visualization.text import Text, draw_texts
from whmr.visualization.wireframe import draw_wireframe

OVERLAY_LIGHT = SceneLight(
    direction=(-0.55, -0.75, -0.65),
    sun=(0.80, 0.79, 0.77),
    sky=(0.42, 0.43, 0.45),
    bounce=(0.24, 0.24, 0.24),
)
LAYERS = ('mesh', 'wireframe', 'skeleton', 'names', 'boxes')
SUPERSAMPLE = 3
NEAR = 0.05  # m


def draw_overlay(
    image: np.ndarray,
    people: PosedPeople,
    *,
    layers: Sequence[str] = ('mesh',),
    opacity: float = 1.0,
    max_side: int | None = None,
) -> np.ndarray:
    """The photo with the people drawn over it by the full-perspective camera.

    Each person is projected by the focal length and translation estimated for it, with the
    principal point in the middle of the photo (W-HMR Eq. 4). Who hides whom follows from the
    distances at the shared focal length.

    Args:
        image: The photo.
        people: Who is drawn.
        layers: What is drawn, some of `LAYERS`: solid meshes, their edges, skeletons, skeletons
            with the joints' names, boxes. Later ones of that order lie over earlier ones.
        opacity: 1 hides the photo behind the meshes, 0 shows it through them.
        max_side: A photo with a longer side is shrunk to this one; None keeps every size.

    Shapes: image: (H, W, 3) uint8 RGB.  returns: (H, W, 3) uint8 RGB.

    Raises:
        ValueError: If a layer is unknown, or the people lack what it shows.
    """
    _check_layers(layers, people)
    image, scale = shrink_image(image, max_side)
    drawn = image.copy()
    if {'mesh', 'wireframe'} & set(layers) and len(people):
        meshes, camera = overlay_scene(image.shape[:2], people, scale=scale)
        rendered = _render_where_they_are(image, meshes, camera)
        if 'mesh' in layers:
            drawn = rendered.rgb
            if opacity < 1:
                cover = opacity * (rendered.alpha > 0)[..., None]
                mixed = image + cover * (rendered.rgb.astype(np.float32) - image)
                drawn = mixed.round().clip(0, 255).astype(np.uint8)
        if 'wireframe' in layers:
            drawn = draw_wireframe(drawn, meshes, camera, rendered)
    if {'skeleton', 'names'} & set(layers):
        pixels = scale * people.keypoints_2d((image.shape[0] / scale, image.shape[1] / scale))
        for index in np.argsort(-people.shared_cam_t[:, 2]):  # the nearest last
            drawn = draw_skeleton(drawn, pixels[index], names='names' in layers)
    if 'boxes' in layers:
        drawn = _draw_boxes(drawn, people.boxes * scale, people.person_numbers)
    return drawn


def render_overlay(image: np.ndarray, people: PosedPeople, *, scale: float = 1.0) -> SceneImage:
    """What `draw_overlay` blends: opaque meshes over the photo, with their mask and depth.

    Args:
        image: The photo, already resized.
        people: Who is drawn.
        scale: Factor by which the photo was resized.

    Shapes: image: (H, W, 3) uint8 RGB.
    """
    return _render_where_they_are(image, *overlay_scene(image.shape[:2], people, scale=scale))


def overlay_scene(
    image_shape: tuple[int, int], people: PosedPeople, *, scale: float = 1.0
) -> tuple[list[SceneMesh], SceneCamera]:
    """The meshes before the photo's camera, and the camera.

    Stretching z by f0 / f_i and projecting with f0 is the same as projecting with f_i, and puts all
    people into one depth buffer; shading keeps the normals of the true shape.

    Args:
        image_shape: H, W of the photo, already resized.
        people: Who is drawn.
        scale: Factor by which the photo was resized.
    """
    height, width = image_shape
    focal = people.shared_focal_length * scale
    stretch = people.shared_focal_length / people.focal_length
    placed = (people.vertices + people.cam_t[:, None]).astype(np.float64)
    normals = np.array([vertex_normals(body, people.faces) for body in people.vertices])
    placed[..., 2] *= stretch[:, None]
    intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    return body_meshes(people, placed, normals=normals), SceneCamera(intrinsics, image_shape)


def _render_where_they_are(
    image: np.ndarray, meshes: Sequence[SceneMesh], camera: SceneCamera
) -> SceneImage:
    """Render the part of the photo that meshes cover; the rest of the picture is the photo."""
    rows, columns = _covered(meshes, camera)
    k = np.array(camera.intrinsics)
    k[:2, 2] -= columns.start, rows.start
    window = image[rows, columns]
    part = render_scene(
        meshes,
        SceneCamera(k, window.shape[:2]),
        light=OVERLAY_LIGHT,
        background=window,
        supersample=SUPERSAMPLE,
        shadow_size=soft_shadow_size(meshes),
    )
    shape = image.shape[:2]
    whole = SceneImage(
        image.copy(),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
        np.full(shape, -1, np.int32),
    )
    for target, source in zip(vars(whole).values(), vars(part).values(), strict=True):
        target[rows, columns] = source
    return whole


def _covered(meshes: Sequence[SceneMesh], camera: SceneCamera) -> tuple[slice, slice]:
    """Rows and columns of the picture that meshes can cover; at least one pixel."""
    height, width = camera.image_shape
    points = np.concatenate([np.zeros((0, 3)), *(mesh.vertices for mesh in meshes)])
    points = points[points[:, 2] > NEAR] @ np.asarray(camera.intrinsics).T
    if not len(points):
        return slice(0, 1), slice(0, 1)
    points = points[:, :2] / points[:, 2:]
    low = np.clip(np.floor(points.min(axis=0)) - 1, 0, [width - 1, height - 1]).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)) + 1, low + 1, [width, height]).astype(int)
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _check_layers(layers: Sequence[str], people: PosedPeople) -> None:
    unknown = sorted(set(layers) - set(LAYERS))
    if unknown:
        raise ValueError(f'draw_overlay: unknown layers {unknown}; it draws {list(LAYERS)}')
    if people.joints is None and {'skeleton', 'names'} & set(layers):
        raise ValueError('draw_overlay: a skeleton needs people with `joints`')
    if people.boxes is None and 'boxes' in layers:
        raise ValueError('draw_overlay: people have no `boxes`')


def _draw_boxes(image: np.ndarray, boxes: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
    """Rectangles with the people's numbers, in their colours."""
    drawn = image.copy()
    thickness = max(1, round(max(image.shape[:2]) / 500))
    labels = []
    for number, box in zip(numbers, np.clip(boxes, -1e4, 1e4), strict=True):
        color = tuple(round(255 * part) for part in person_color(number).tolist())
        left, top, right, bottom = box.round().astype(int).tolist()
        for rim, extra in (((32, 34, 40), 2), (color, 0)):
            cv2.rectangle(drawn, (left, top), (right, bottom), rim, thickness + extra, cv2.LINE_AA)
        size = float(np.clip((bottom - top) / 12, 10, 22))
        place = (max(left, 0) + size / 2, max(top, 0) + size / 3)
        labels.append(Text(str(number), place, size, (32, 34, 40), bold=True, chip=color))
    return draw_texts(drawn, labels)
