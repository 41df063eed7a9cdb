"""One figure that tells everything about a photo."""

import cv2
import numpy as np

from whmr.visualization.comparison import orientation_variants
from whmr.visualization.horizon import draw_horizon
from whmr.visualization.overlay import draw_overlay
from whmr.visualization.panels import REFERENCE_WIDTH, Panel, compose_page
from whmr.visualization.posed_people import PosedPeople
from whmr.visualization.side_view import draw_side_view
from whmr.visualization.top_view import draw_top_view
from whmr.visualization.world_columns import share_view
from whmr.visualization.world_view import draw_world_view


def draw_figure(
    photo: np.ndarray,
    people: PosedPeople,
    *,
    width: int = REFERENCE_WIDTH,
    on_ground: bool = False,
) -> np.ndarray:
    """The photo with its horizon, the people over it, and views of them, on one page.

    With a known world there is the world with the photo's camera, and before and after: the
    camera-space result without correction, with the camera's rotation undone, and OrientCorrect's.
    What is not known is left out.

    Args:
        photo: The photo.
        people: Who is drawn.
        width: Of the page, px; everything is rendered in the size in which it is seen.
        on_ground: Drop each person to the floor of the worlds.

    Shapes: photo: (h, w, 3) uint8 RGB.  returns: (H, width, 3) uint8 RGB.
    """
    aspect = photo.shape[1] / photo.shape[0]

    def draw_photo(shape: tuple[int, int]) -> np.ndarray:
        picture = _resize(photo, shape)
        if not people.has_world:
            return picture
        intrinsics = people.horizon_intrinsics(photo.shape[:2])
        to_picture = np.diag([shape[1] / photo.shape[1], shape[0] / photo.shape[0], 1.0])
        return draw_horizon(picture, to_picture @ intrinsics, people.world2cam_rotmat)

    first = [
        Panel('photo and horizon' if people.has_world else 'photo', aspect, draw_photo),
        Panel(
            'people by their cameras',
            aspect,
            lambda shape: _resize(draw_overlay(photo, people, max_side=max(shape)), shape),
        ),
    ]
    if not len(people):
        return compose_page([first[:1]], width=width)
    second = [
        Panel(
            'from the side',
            1.15,
            lambda shape: draw_side_view(people, image_shape=shape, photo=photo),
        ),
        Panel(
            'from above', 0.85, lambda shape: draw_top_view(people, image_shape=shape, photo=photo)
        ),
    ]
    if people.has_world:
        first.append(
            Panel(
                'world and camera',
                1.45,
                lambda shape: draw_world_view(
                    people, image_shape=shape, on_ground=on_ground, photo=photo
                ),
            )
        )
        variants = orientation_variants(people)
        worlds = list(variants.values())
        second += [
            Panel(
                caption,
                1.0,
                lambda shape, index=index: share_view(
                    worlds, image_shape=shape, on_ground=on_ground
                ).draw(index),
            )
            for index, caption in enumerate(variants)
        ]
    return compose_page([first, second], width=width)


def _resize(picture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    shrinks = picture.shape[0] >= shape[0]
    return cv2.resize(
        picture, shape[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    )
