"""What is estimated for one photo, and the file that holds it."""

import io
from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from whmr.keypoints import JOINT_SETS
from whmr.visualization import PosedPeople

SCHEMA_VERSION = 2
SOURCES = ('given', 'exif', 'predicted', 'unknown')
PELVIS = JOINT_SETS['spin49'].index('op_mid_hip')
_MESHES = ('vertices', 'vertices_world', 'faces')
_TEXTS = ('image_name', 'topology', 'focal_source', 'rotation_source')


@dataclass(frozen=True)
class HMRResult:
    """The people and the camera of one photo; also the schema of the `.npz` file, field by field.

    Rows are people, in the order of their boxes; a photo without people has zero rows. What a model
    does not estimate is NaN. Rotations are given twice: axis-angle (rad) and, with the suffix
    `_rotmat`, as matrices.

    `focal_source` and `rotation_source` say where the focal length and the camera's rotation come
    from: `given` by the user, `exif` (of the photo), `predicted` (by the model, or what it assumes
    without predicting), or `unknown` (there is none). `track_ids` say who is who in the frames of
    a video; None: nobody has looked.

    Shapes: N people, V vertices, F faces, S betas; joints and keypoints of the set `spin49`.
        image_name, topology, focal_source, rotation_source: text.  image_shape: (2,) H, W.
        boxes: (N, 4) xyxy full px, tight.  scores: (N,) of the detector, 1 for given boxes.
        betas: (N, S).  global_orient, global_orient_world: (N, 1, 3) model -> camera, world.
        body_pose: (N, 23, 3) parent-relative.  weak_cam: (N, 3) s, tx, ty of the crop camera.
        cam_t: (N, 3) m, camera.  focal_length: (N,) full px.  intrinsics: (N, 3, 3) full px.
        vertices: (N, V, 3), joints: (N, 49, 3) m, camera axes, no translation.
        vertices_world: (N, V, 3), joints_world: (N, 49, 3) m, world axes, no translation.
        keypoints_2d: (N, 49, 2) full px.  faces: (F, 3) int32.
        world2cam_rotmat: (3, 3) x_cam = R x_world.  pitch, roll, vfov: () rad.
        track_ids: (N,) int, 0 or more, or -1 for not known.
    """

    image_name: str
    image_shape: np.ndarray
    topology: str
    boxes: np.ndarray
    scores: np.ndarray
    betas: np.ndarray
    global_orient: np.ndarray
    global_orient_rotmat: np.ndarray
    body_pose: np.ndarray
    body_pose_rotmat: np.ndarray
    global_orient_world: np.ndarray
    global_orient_world_rotmat: np.ndarray
    weak_cam: np.ndarray
    cam_t: np.ndarray
    focal_length: np.ndarray
    intrinsics: np.ndarray
    vertices: np.ndarray
    joints: np.ndarray
    vertices_world: np.ndarray
    joints_world: np.ndarray
    keypoints_2d: np.ndarray
    faces: np.ndarray
    world2cam_rotmat: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    vfov: np.ndarray
    focal_source: str = 'predicted'
    rotation_source: str = 'predicted'
    track_ids: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name in ('focal_source', 'rotation_source'):
            if getattr(self, name) not in SOURCES:
                raise ValueError(f'{name}={getattr(self, name)!r}: one of {list(SOURCES)}')
        if self.track_ids is not None and np.shape(self.track_ids) != (len(self),):
            raise ValueError(
                f'track_ids must be one number for each of {len(self)} people, got the shape '
                f'{np.shape(self.track_ids)}'
            )

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def has_world(self) -> bool:
        """Whether the people are known in the gravity-aligned world."""
        known = (self.vertices_world, self.world2cam_rotmat)
        return len(self) > 0 and all(np.isfinite(value).all() for value in known)

    def people(self) -> PosedPeople:
        """The same people, ready to be drawn by `whmr.visualization`."""
        return PosedPeople(
            self.vertices,
            self.faces,
            self.cam_t,
            self.focal_length,
            self.vertices_world if self.has_world else None,
            self.joints[:, PELVIS],
            self.world2cam_rotmat if self.has_world else None,
            joints=self.joints,
            boxes=self.boxes,
            vfov=float(self.vfov) if np.isfinite(self.vfov) else None,
        )

    def to_bytes(self) -> bytes:
        """The bytes of a compressed `.npz` file that needs no pickle."""
        buffer = io.BytesIO()
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays = {name: np.asarray(value) for name, value in values.items() if value is not None}
        np.savez_compressed(buffer, schema_version=np.array(SCHEMA_VERSION), **arrays)
        return buffer.getvalue()

    @classmethod
    def load(cls, path: str | Path, *, meshes: bool = True) -> 'HMRResult':
        """Read a file that `to_bytes` made.

        Args:
            path: The file.
            meshes: Read the meshes; without (which is many times faster) there are no vertices.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no such file, damaged, or of another schema version.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                skipped = () if meshes else _MESHES
                arrays = {name: file[name] for name in file.files if name not in skipped}
                if not meshes:
                    count = len(arrays.get('boxes', ()))
                    arrays |= {name: np.empty((count, 0, 3), np.float32) for name in _MESHES[:2]}
                    arrays['faces'] = np.empty((0, 3), np.int32)
        except (ValueError, EOFError, OSError, BadZipFile) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise ValueError(f'{path}: no readable .npz file ({error})') from error
        version = int(arrays.pop('schema_version', -1))
        if version != SCHEMA_VERSION:
            raise ValueError(
                f'{path}: schema version {version}, this library reads {SCHEMA_VERSION}'
            )
        wanted = {field.name for field in fields(cls)}
        if wanted - set(arrays) - {'track_ids'} or set(arrays) - wanted:
            raise ValueError(f'{path}: fields differ: {sorted(set(arrays) ^ wanted)}')
        texts = {name: str(arrays[name]) for name in _TEXTS}
        try:
            return cls(**{**arrays, **texts})
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from error
