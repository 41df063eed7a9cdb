"""The people of one photo, ready to be drawn."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from whmr.keypoints import JOINT_SETS
from whmr.rendering import surface_openness

NUM_JOINTS = len(JOINT_SETS['spin49'])


def share_focal_length(
    cam_t: np.ndarray, focal_length: np.ndarray, shared: float | np.ndarray
) -> np.ndarray:
    """Where people are if their camera has the focal length `shared` instead of their own.

    Distances become `cam_t_z * shared / focal_length`: each keeps its size in the photo.

    Shapes: N people.
        cam_t: (N, 3) m, camera.  focal_length: (N,) full px.  shared: () or (N,) full px.
        returns: (N, 3) float64 m, camera.
    """
    placed = cam_t.astype(np.float64)
    placed[:, 2] *= shared / focal_length
    return placed


@dataclass(frozen=True)
class PosedPeople:
    """Meshes of N people of one photo, in camera space and, where known, in the world.

    A model estimates each person alone, so each has a focal length and a distance of its own,
    while the photo has one camera. The pair is ambiguous, but its ratio is what the person's size
    in the photo says. Therefore people are placed relative to each other with one
    `shared_focal_length` f0: distances become `cam_t_z * f0 / focal_length`, sideways positions
    stay. One person alone is not moved.

    Args:
        vertices: Bodies turned as the camera sees them.
        faces: Their triangles.
        cam_t: Where each body is.
        focal_length: What each person's camera was estimated (or known) to be.
        vertices_world: Bodies turned as they are in the gravity-aligned world; None if no world is
            known.
        pelvis: The joint that a body turns about; the same point of `vertices` and
            `vertices_world`.
        world2cam_rotmat: Rotation of the photo's camera; None if no world is known.
        joints: Joints of the set `spin49`, turned and placed as `vertices`; for skeletons.
        boxes: Where the people are in the photo.
        vfov: The photo's vertical field of view, known or as its camera calibrator sees it, which
            the horizon is drawn with; None takes the shared focal length.
        numbers: Who each person is: decides the colour, and is written at the box; None numbers
            them 0, 1, ...

    Raises:
        ValueError: If an array does not fit the others.

    Shapes: N people (may be 0), V vertices, F faces.
        vertices: (N, V, 3) m, camera axes, no translation.  faces: (F, 3) int.
        cam_t: (N, 3) m, camera.
        focal_length: (N,) full px.  vertices_world: (N, V, 3) m, world axes, no translation.
        pelvis: (N, 3) m.
        world2cam_rotmat: (3, 3), x_cam = R x_world.
        joints: (N, 49, 3) m, camera axes, no translation.  boxes: (N, 4) xyxy full px.
        vfov: rad.  numbers: (N,) int, 0 or more.
    """

    vertices: np.ndarray
    faces: np.ndarray
    cam_t: np.ndarray
    focal_length: np.ndarray
    vertices_world: np.ndarray | None = None
    pelvis: np.ndarray | None = None
    world2cam_rotmat: np.ndarray | None = None
    joints: np.ndarray | None = None
    boxes: np.ndarray | None = None
    vfov: float | None = None
    numbers: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.vertices.ndim != 3 or self.vertices.shape[2] != 3:
            raise ValueError(f'PosedPeople: vertices must be (N, V, 3), got {self.vertices.shape}')
        count = len(self.vertices)
        expected = {
            'cam_t': (count, 3),
            'focal_length': (count,),
            'vertices_world': self.vertices.shape,
            'pelvis': (count, 3),
            'world2cam_rotmat': (3, 3),
            'joints': (count, NUM_JOINTS, 3),
            'boxes': (count, 4),
            'numbers': (count,),
        }
        for name, shape in expected.items():
            value = getattr(self, name)
            if value is not None and value.shape != shape:
                raise ValueError(f'PosedPeople: {name} must be {shape}, got {value.shape}')

    def __len__(self) -> int:
        return len(self.vertices)

    @property
    def person_numbers(self) -> list[int]:
        """Who each person is; see `numbers`."""
        return list(range(len(self))) if self.numbers is None else self.numbers.tolist()

    @property
    def has_world(self) -> bool:
        """Whether the people can be placed in the gravity-aligned world."""
        return self.vertices_world is not None and self.world2cam_rotmat is not None

    @property
    def shared_focal_length(self) -> float:
        """The one focal length of the photo, px: the median over people (1 without people)."""
        return float(np.median(self.focal_length)) if len(self) else 1.0

    @property
    def shared_cam_t(self) -> np.ndarray:
        """(N, 3) m, camera: where the people are if the photo has the shared focal length."""
        return share_focal_length(self.cam_t, self.focal_length, self.shared_focal_length)

    @cached_property
    def openness(self) -> np.ndarray:
        """(N, V) in [0, 1]: how much light reaches each point past the person's own limbs."""
        if not len(self):
            return np.zeros(self.vertices.shape[:2], dtype=np.float32)
        # In a crowd nobody is large enough for the finest shades.
        directions = int(np.clip(256 // len(self), 12, 32))
        return np.stack(
            [
                surface_openness(body, self.faces, num_directions=directions)
                for body in self.vertices
            ]
        )

    def horizon_intrinsics(self, image_shape: tuple[int, int]) -> np.ndarray:
        """Intrinsics that belong to `world2cam_rotmat`: those of `vfov`, else the shared ones.

        Shapes: image_shape: (H, W).  returns: (3, 3) full px.
        """
        height, width = image_shape
        focal = self.shared_focal_length
        if self.vfov is not None:
            focal = height / 2 / float(np.tan(self.vfov / 2))
        return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])

    def keypoints_2d(self, image_shape: tuple[float, float]) -> np.ndarray:
        """The joints in the photo, each person by its own camera.

        Shapes: image_shape: (H, W).  returns: (N, 49, 2) full px; NaN for a joint that is not
            before the camera.

        Raises:
            ValueError: If the joints are not known.
        """
        if self.joints is None:
            raise ValueError('PosedPeople: there are no keypoints without joints')
        placed = self.joints + self.cam_t[:, None]
        depth = np.where(placed[..., 2:] > 0, placed[..., 2:], np.nan)
        middle = np.array(image_shape[::-1]) / 2
        return self.focal_length[:, None, None] * placed[..., :2] / depth + middle

    def camera_meshes(self) -> np.ndarray:
        """(N, V, 3) m, camera: the bodies at their places as the shared focal length has them."""
        return self.vertices + self.shared_cam_t[:, None]

    def world_meshes(self, *, on_ground: bool = False) -> np.ndarray:
        """The bodies in the world with the camera at its origin: pelvis at R^T (pelvis + cam_t).

        Args:
            on_ground: Lower or raise each person until its lowest vertex is that of the lowest
                person; hides errors of the estimated heights, and true differences of height too.

        Shapes: returns (N, V, 3) m, world.

        Raises:
            ValueError: If no world is known.
        """
        if not self.has_world:
            raise ValueError(
                'PosedPeople: there is no world without vertices_world and world2cam_rotmat'
            )
        pelvis = np.zeros((len(self), 3)) if self.pelvis is None else self.pelvis
        place = (pelvis + self.shared_cam_t) @ self.world2cam_rotmat
        meshes = self.vertices_world + (place - pelvis)[:, None]
        if on_ground and len(self):
            lowest = meshes[..., 1].max(axis=1)
            meshes[..., 1] += (lowest.max() - lowest)[:, None]
        return meshes

    def with_world(self, vertices_world: np.ndarray, world2cam_rotmat: np.ndarray) -> 'PosedPeople':
        """The same people in another world, to compare two ways of estimating it.

        Shapes: vertices_world: (N, V, 3) m, world axes, no translation.  world2cam_rotmat: (3, 3).
        """
        other = replace(self, vertices_world=vertices_world, world2cam_rotmat=world2cam_rotmat)
        vars(other)['openness'] = self.openness  # of the same bodies
        return other
