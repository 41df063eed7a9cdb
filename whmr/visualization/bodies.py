"""Bodies as the renderer wants them: coloured person by person, shaded in creases."""

from collections.abc import Sequence

import numpy as np

from whmr.rendering import SceneMesh
from whmr.visualization.palette import person_color
from whmr.visualization.posed_people import PosedPeople

# Linear light that is left where none comes in.
DEEPEST = 0.22
PENUMBRA = 0.013  # m: shadows fade over about three pixels of this size in the shadow map


def body_meshes(
    people: PosedPeople, placed: np.ndarray, *, normals: np.ndarray | None = None
) -> list[SceneMesh]:
    """One mesh per person, in the person's colour, darker where its own limbs take the light.

    Args:
        people: Who is drawn.
        placed: Where their vertices are in the scene.
        normals: Vertex normals; None: those of `placed`.

    Shapes: placed, normals: (N, V, 3), m.
    """
    light = DEEPEST + (1 - DEEPEST) * people.openness
    return [
        SceneMesh(
            vertices,
            people.faces,
            colors=person_color(number) * np.sqrt(light[index])[:, None],  # display values
            normals=None if normals is None else normals[index],
        )
        for index, (number, vertices) in enumerate(zip(people.person_numbers, placed, strict=True))
    ]


def soft_shadow_size(meshes: Sequence[SceneMesh]) -> int:
    """Side of the shadow map with which `render_scene` gives shadows soft rims, px."""
    casting = [mesh.vertices for mesh in meshes if mesh.cast_shadow]
    if not casting:
        return 1
    low = np.min([vertices.min(axis=0) for vertices in casting], axis=0)
    high = np.max([vertices.max(axis=0) for vertices in casting], axis=0)
    return int(np.clip(np.linalg.norm(high - low) / PENUMBRA, 64, 1024))
