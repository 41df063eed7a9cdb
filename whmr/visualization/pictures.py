"""All pictures of a photo, by name."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from whmr.visualization.comparison import orientation_variants
from whmr.visualization.figure import draw_figure
from whmr.visualization.horizon import draw_horizon
from whmr.visualization.overlay import draw_overlay
from whmr.visualization.posed_people import PosedPeople
from whmr.visualization.shrinking import shrink_image
from whmr.visualization.side_view import draw_side_view
from whmr.visualization.top_view import draw_top_view
from whmr.visualization.world_columns import draw_world_columns
from whmr.visualization.world_view import draw_world_view

OVER_PHOTO: Mapping[str, tuple[str, ...]] = {  # picture -> layers of `draw_overlay`
    'overlay': ('mesh',),
    'wireframe': ('wireframe',),
    'skeleton': ('skeleton',),
    'names': ('names',),
    'boxes': ('boxes',),
}
IN_WORLD = ('horizon', 'world', 'compare')
PICTURES = (*OVER_PHOTO, 'side', 'top', *IN_WORLD, 'figure')
MAX_SIDE = 1600  # px


def check_pictures(names: Sequence[str]) -> None:
    """Make sure that there are pictures of these names.

    Raises:
        ValueError: If one is unknown.
    """
    unknown = sorted(set(names) - set(PICTURES))
    if unknown:
        raise ValueError(f'unknown pictures {unknown}; there are {list(PICTURES)}')


def draw_pictures(
    photo: np.ndarray,
    people: PosedPeople,
    names: Sequence[str],
    *,
    max_side: int = MAX_SIDE,
    on_ground: bool = False,
) -> dict[str, np.ndarray]:
    """The pictures of a photo that are asked for and that can be drawn.

    `horizon`, `world` and `compare` (before and after OrientCorrect) need a known world and are
    left out without one.

    Args:
        photo: The photo.
        people: Who is drawn.
        names: Some of `PICTURES`.
        max_side: A photo with a longer side is shrunk to this one.
        on_ground: Drop each person to the floor of the world.

    Shapes: photo: (h, w, 3) uint8 RGB.  returns: (H, W, 3) uint8 RGB each.

    Raises:
        ImportError: If numba is not installed.
        ValueError: If a name is unknown, or the people lack what a picture shows.
    """
    check_pictures(names)
    draw: dict[str, Callable[[], np.ndarray]] = {
        name: lambda layers=layers: draw_overlay(photo, people, layers=layers, max_side=max_side)
        for name, layers in OVER_PHOTO.items()
    }
    draw |= {
        'side': lambda: draw_side_view(people, photo=photo),
        'top': lambda: draw_top_view(people, photo=photo),
        'figure': lambda: draw_figure(photo, people, on_ground=on_ground),
    }
    if people.has_world:
        draw |= {
            'horizon': lambda: _horizon(photo, people, max_side),
            'world': lambda: draw_world_view(people, on_ground=on_ground, photo=photo),
            'compare': lambda: draw_world_columns(
                orientation_variants(people), on_ground=on_ground
            ),
        }
    return {name: draw[name]() for name in names if name in draw}


def _horizon(photo: np.ndarray, people: PosedPeople, max_side: int) -> np.ndarray:
    """The photo, shrunk if need be, with the horizon of its camera."""
    small, scale = shrink_image(photo, max_side)
    intrinsics = np.diag([scale, scale, 1.0]) @ people.horizon_intrinsics(photo.shape[:2])
    return draw_horizon(small, intrinsics, people.world2cam_rotmat)
