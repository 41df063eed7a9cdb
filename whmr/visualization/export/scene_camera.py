"""The camera that saw the people, in the axes of the files that are exported."""

from dataclasses import dataclass

import numpy as np

from whmr.visualization.export.axes import TO_Y_UP
from whmr.visualization.export.results_table import ResultsTable


@dataclass(frozen=True)
class SceneCamera:
    """A camera at the origin that looks along its own -z, with y up, as in glTF and Blender.

    Shapes: T frames.
        rotations: (T, 3, 3) camera -> scene.  vfov: rad.  image_size: W, H px.
    """

    rotations: np.ndarray
    vfov: float
    image_size: tuple[int, int]

    @classmethod
    def from_table(cls, table: ResultsTable, *, space: str) -> 'SceneCamera':
        """The camera of a table; its lens is that of the first frame.

        Args:
            table: The results.
            space: 'camera' (it never turns) or 'world'.

        Raises:
            ValueError: If the results have no frame.
        """
        if not table.num_frames:
            raise ValueError('these results have no frame, and so no camera')
        height, width = (int(size) for size in table.frame_shapes[0])
        cam2world = np.tile(np.eye(3), (table.num_frames, 1, 1))
        if space == 'world':
            known = np.isfinite(table.world2cam_rotmat).all(axis=(1, 2))
            cam2world = np.where(known[:, None, None], table.world2cam_rotmat, np.nan)
            cam2world = _hold(cam2world.astype(np.float64), known).swapaxes(1, 2)
        return cls(
            rotations=TO_Y_UP @ cam2world @ TO_Y_UP,
            vfov=float(2 * np.arctan(height / 2 / table.focal_length[0])),
            image_size=(width, height),
        )


def _hold(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill what is not known with the last known value (before the first, with the first)."""
    if not known.any():
        raise ValueError('the camera is not known in the world: export in camera space')
    last = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
    return values[np.where(last < 0, np.argmax(known), last)]
