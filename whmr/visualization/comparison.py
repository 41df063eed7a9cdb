"""Before and after OrientCorrect."""

import numpy as np

from whmr.visualization.posed_people import PosedPeople

UNCORRECTED = 'uncorrected'
MULTIPLIED = 'camera rotation undone'
CORRECTED = 'OrientCorrect'


def orientation_variants(people: PosedPeople) -> dict[str, PosedPeople]:
    """The same people in three worlds: uncorrected, turned back by the camera, OrientCorrect's.

    Without a correction a camera-space result is used as if the camera were level. Multiplying the
    transposed camera rotation back is right if it and the body's orientation are, but adds their
    errors; OrientCorrect (W-HMR Sec. 3.3) estimates the orientation in the world instead.

    Args:
        people: With the world that OrientCorrect (or another module) gave.

    Returns:
        Title to people, for `draw_world_columns`.

    Raises:
        ValueError: If no world is known.
    """
    if not people.has_world:
        raise ValueError('orientation_variants: these people have no world to compare with')
    rotmat = people.world2cam_rotmat
    pelvis = np.zeros((len(people), 3)) if people.pelvis is None else people.pelvis
    about = pelvis[:, None]
    return {
        UNCORRECTED: people.with_world(people.vertices, np.eye(3)),
        MULTIPLIED: people.with_world((people.vertices - about) @ rotmat + about, rotmat),
        CORRECTED: people,
    }
