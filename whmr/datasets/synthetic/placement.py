"""Where the camera and the people and boxes of a scene stand."""

from dataclasses import dataclass, replace

import numpy as np

from whmr.datasets.synthetic.boxes import sample_box
from whmr.datasets.synthetic.cameras import (
    COMMON_CAMERAS,
    CameraDistribution,
    SampledCamera,
    make_camera,
    pixel_ray,
    project,
    sample_angles,
)
from whmr.datasets.synthetic.people import COARSE, Person
from whmr.rendering import SceneMesh

DISTANCE = (1.0, 10.0)  # m, of a person from the camera
CAMERA_HEIGHT = (0.1, 7.0)  # m above the ground
LOW_CAMERA = 0.7  # m; few photos are taken from lower
NEAREST = 0.35  # m, depth of the nearest point of anybody
FIRST_TRIES, OTHER_TRIES, BOX_TRIES = 90, 20, 6


@dataclass(frozen=True)
class Layout:
    """A camera at the world's origin, and what it looks at.

    Shapes: `ground` is the world y of the ground plane, m.
    """

    camera: SampledCamera
    people: tuple[Person, ...]
    boxes: tuple[SceneMesh, ...]
    ground: float


def place_first(
    person: Person,
    image_shape: tuple[int, int],
    rng: np.random.Generator,
    cameras: CameraDistribution = COMMON_CAMERAS,
) -> tuple[SampledCamera, Person, float]:
    """Put the camera so that one person is well in view, and stands on the ground.

    Args:
        person: Who is to be seen.
        image_shape: H, W.
        rng: Source of chance.
        cameras: How the camera is turned and how wide it sees.

    Returns:
        The camera, the placed person and the world y of the ground (m).

    Shapes: as in `SampledCamera` and `Person`.
    """
    height, width = image_shape
    person = person.turned(_sample_yaw(rng))
    middle = 0.5 * (person.vertices.min(0) + person.vertices.max(0))
    extent = float(np.ptp(person.vertices, axis=0).max())
    needed = 0.97 if rng.random() < 0.7 else rng.uniform(0.5, 0.97)
    pitch, roll, vfov = sample_angles(rng, cameras)
    for attempt in range(FIRST_TRIES):
        # Keep the angles for a while: where they fit badly they must not become rare.
        if attempt % 15 == 14:
            pitch, roll, vfov = sample_angles(rng, cameras)
        if attempt % 5 == 4:
            vfov = sample_angles(rng, cameras)[2]
        camera = make_camera(pitch, roll, vfov, image_shape)
        share = rng.uniform(0.3, 1.1)
        distance = camera.intrinsics[0, 0] * extent / (share * height)
        distance = max(distance, DISTANCE[0])
        if distance > DISTANCE[1]:
            continue
        pixel = np.array([width, height]) * (0.5 + rng.uniform(-1, 1, 2) * [0.33, 0.28])
        ray = pixel_ray(pixel, camera)
        placed = person.at(ray / np.linalg.norm(ray) * distance - middle)
        ground = placed.position[1] + placed.lowest
        if not CAMERA_HEIGHT[0] <= ground <= CAMERA_HEIGHT[1]:
            continue
        if ground < LOW_CAMERA and rng.random() < 0.5:
            continue
        if _share_in_view(placed.world_vertices[::4], camera, image_shape) >= needed:
            return camera, placed, ground
    camera = make_camera(0.0, 0.0, 0.95, image_shape)
    distance = camera.intrinsics[0, 0] * extent / (0.6 * height)
    placed = person.at(np.array([0.0, 0.0, distance + 0.5 * extent]) - middle)
    return camera, placed, placed.position[1] + placed.lowest


def place_others(
    first: Person,
    others: list[Person],
    camera: SampledCamera,
    ground: float,
    image_shape: tuple[int, int],
    rng: np.random.Generator,
) -> list[Person]:
    """Put more people on the ground in view, not into one another nor right before the first.

    Args:
        first: The person for whom the camera was placed.
        others: Who else is to be placed; those who find no room are left out.
        camera: The camera.
        ground: World y of the ground, m.
        image_shape: H, W.
        rng: Source of chance.

    Returns:
        Everybody, `first` first.

    Shapes: as in `Person`.
    """
    placed = [first]
    for person in others:
        for _ in range(OTHER_TRIES):
            turned = person.turned(_sample_yaw(rng))
            spot = _ground_spot(camera, image_shape, rng)
            candidate = turned.at(np.array([spot[0], ground - turned.lowest, spot[1]]))
            points = candidate.world_vertices[::COARSE]
            if _share_in_view(points, camera, image_shape) < 0.35:
                continue
            if _hides(points, first.world_vertices[::COARSE], camera) > 0.45:
                continue
            if not any(candidate.touches(other) for other in placed):
                placed.append(candidate)
                break
    return placed


def place_boxes(
    number: int,
    people: list[Person],
    camera: SampledCamera,
    ground: float,
    image_shape: tuple[int, int],
    rng: np.random.Generator,
) -> list[SceneMesh]:
    """Put boxes on the ground that touch nobody and do not hide the first person.

    Args:
        number: How many to try to place.
        people: Everybody, the most important one first.
        camera: The camera.
        ground: World y of the ground, m.
        image_shape: H, W.
        rng: Source of chance.

    Shapes: as in `SceneMesh`, m, world.
    """
    boxes = []
    bodies = [person.world_vertices[::COARSE] for person in people]
    for _ in range(number):
        box = sample_box(rng)
        radius = float(np.linalg.norm(box.vertices[:, [0, 2]], axis=1).max())
        for _ in range(BOX_TRIES):
            spot = _ground_spot(camera, image_shape, rng)
            if any(
                np.linalg.norm(body[:, [0, 2]] - spot, axis=1).min() < radius + 0.08
                for body in bodies
            ):
                continue
            corners = box.vertices + [spot[0], ground, spot[1]]
            if project(corners, camera)[1].min() < 0.6:
                continue
            if _hides(corners, bodies[0], camera) > 0.3:
                continue
            boxes.append(replace(box, vertices=corners))
            break
    return boxes


def _sample_yaw(rng: np.random.Generator) -> float:
    """Half the people face the camera more or less, the others any way."""
    return float(rng.normal(0, 0.7) if rng.random() < 0.5 else rng.uniform(-np.pi, np.pi))


def _ground_spot(
    camera: SampledCamera, image_shape: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """World x, z of a point in view: any column, any distance."""
    height, width = image_shape
    ray = pixel_ray(np.array([rng.uniform(0.02, 0.98) * width, 0.5 * height]), camera)
    heading = ray[[0, 2]] / max(np.linalg.norm(ray[[0, 2]]), 1e-6)
    low, high = DISTANCE
    return heading * (low + 0.3 + (high - low - 0.3) * np.sqrt(rng.random()))


def _share_in_view(
    points: np.ndarray, camera: SampledCamera, image_shape: tuple[int, int]
) -> float:
    """Share of the points that the image shows; 0 if anything is too near."""
    pixels, depth = project(points, camera)
    if depth.min() < NEAREST:
        return 0.0
    height, width = image_shape
    inside = (pixels >= 0).all(1) & (pixels[:, 0] <= width) & (pixels[:, 1] <= height)
    return float(inside.mean())


def _hides(points: np.ndarray, behind: np.ndarray, camera: SampledCamera) -> float:
    """Share of the box around `behind` that lies in the image behind the box around `points`."""
    front, front_depth = project(points, camera)
    back, back_depth = project(behind, camera)
    if front_depth.mean() > back_depth.mean():
        return 0.0
    low = np.maximum(front.min(0), back.min(0))
    high = np.minimum(front.max(0), back.max(0))
    return float(np.prod(np.maximum(high - low, 0)) / np.prod(np.ptp(back, axis=0) + 1e-6))
