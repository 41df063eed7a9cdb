"""People of many photos or of a video in one file: the schema of `results.npz`."""

import io
from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

FORMAT = 'whmr-results'
FORMAT_VERSION = 1

# Letters: T frames, R rows, V vertices, F faces, S betas.
SHAPES: dict[str, tuple[str | int, ...]] = {
    'frame_names': ('T',),
    'frame_shapes': ('T', 2),
    'focal_length': ('T',),
    'intrinsics': ('T', 3, 3),
    'world2cam_rotmat': ('T', 3, 3),
    'pitch': ('T',),
    'roll': ('T',),
    'vfov': ('T',),
    'frame': ('R',),
    'track_id': ('R',),
    'boxes': ('R', 4),
    'scores': ('R',),
    'betas': ('R', 'S'),
    'global_orient': ('R', 1, 3),
    'global_orient_rotmat': ('R', 1, 3, 3),
    'body_pose': ('R', 23, 3),
    'body_pose_rotmat': ('R', 23, 3, 3),
    'global_orient_world': ('R', 1, 3),
    'global_orient_world_rotmat': ('R', 1, 3, 3),
    'person_focal_length': ('R',),
    'cam_t': ('R', 3),
    'pelvis_camera': ('R', 3),
    'pelvis_world': ('R', 3),
    'joints': ('R', 49, 3),
    'joints_world': ('R', 49, 3),
    'keypoints_2d': ('R', 49, 2),
    'rest_joints': ('R', 24, 3),
    'joint_parents': (24,),
    'joint_names': (24,),
    'faces': ('F', 3),
    'vertices': ('R', 'V', 3),
    'vertices_world': ('R', 'V', 3),
    'focal_source': ('T',),
    'rotation_source': ('T',),
    'shot': ('T',),
    'interpolated': ('R',),
}
OPTIONAL = (
    'vertices',
    'vertices_world',
    'focal_source',
    'rotation_source',
    'shot',
    'interpolated',
)
_FINITE = (
    'focal_length',
    'intrinsics',
    'betas',
    'global_orient_rotmat',
    'body_pose_rotmat',
    'pelvis_camera',
    'rest_joints',
)
_TEXTS = ('frame_names', 'joint_names', 'focal_source', 'rotation_source')
_COUNTS = ('frame_shapes', 'frame', 'track_id', 'joint_parents', 'faces', 'shot')
_FLAGS = ('interpolated',)


@dataclass(frozen=True)
class ResultsTable:
    """All people of a set of frames; the fields of `results.npz`, one array each.

    A frame is a photo, or a picture of a video. A row is one person in one frame; rows come in the
    order of their frames. Fields that `HMRResult` has too mean the same. What a model does not
    estimate is NaN.

    Args:
        topology: Whose vertices they are, such as `smpl`.
        fps: Frames per second; NaN where frames are no video.

    Raises:
        ValueError: If an array does not fit the schema; the message names it.

    Shapes: T frames, R rows, V vertices, F faces, S betas; joints of the set `spin49`.
        frame_names: (T,) text.  frame_shapes: (T, 2) H, W.
        focal_length: (T,) full px, one camera for all people.  intrinsics: (T, 3, 3) full px.
        world2cam_rotmat: (T, 3, 3) x_cam = R x_world.  pitch, roll, vfov: (T,) rad.
        focal_source, rotation_source: (T,) text, see `HMRResult`, or None.
        shot: (T,) int, frames of one number lie between two cuts, or None.
        interpolated: (R,) bool, not seen but filled in between two frames, or None.
        frame: (R,) row of the frame.  track_id: (R,) same number = same person, -1 = not known.
        boxes: (R, 4) xyxy full px.  scores: (R,).  betas: (R, S).
        global_orient, global_orient_world: (R, 1, 3) model -> camera, world; `_rotmat` as matrices.
        body_pose: (R, 23, 3) parent-relative; `_rotmat` as matrices.
        cam_t: (R, 3) m, camera, and person_focal_length: (R,) full px, as each was estimated.
        pelvis_camera: (R, 3) m, camera, and pelvis_world: (R, 3) m, world axes with the camera at
        the origin: where the pelvis is if the camera has `focal_length`.
        joints: (R, 49, 3) m, camera axes, joints_world: (R, 49, 3) m, world axes; no translation.
        keypoints_2d: (R, 49, 2) full px.
        rest_joints: (R, 24, 3) m, model: the shaped skeleton in T-pose.
        joint_parents: (24,) of the skeleton, -1 for the pelvis.  joint_names: (24,) text.
        faces: (F, 3).  vertices, vertices_world: (R, V, 3) as joints, or None.
    """

    topology: str
    fps: float
    frame_names: np.ndarray
    frame_shapes: np.ndarray
    focal_length: np.ndarray
    intrinsics: np.ndarray
    world2cam_rotmat: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    vfov: np.ndarray
    frame: np.ndarray
    track_id: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    betas: np.ndarray
    global_orient: np.ndarray
    global_orient_rotmat: np.ndarray
    body_pose: np.ndarray
    body_pose_rotmat: np.ndarray
    global_orient_world: np.ndarray
    global_orient_world_rotmat: np.ndarray
    person_focal_length: np.ndarray
    cam_t: np.ndarray
    pelvis_camera: np.ndarray
    pelvis_world: np.ndarray
    joints: np.ndarray
    joints_world: np.ndarray
    keypoints_2d: np.ndarray
    rest_joints: np.ndarray
    joint_parents: np.ndarray
    joint_names: np.ndarray
    faces: np.ndarray
    vertices: np.ndarray | None = None
    vertices_world: np.ndarray | None = None
    focal_source: np.ndarray | None = None
    rotation_source: np.ndarray | None = None
    shot: np.ndarray | None = None
    interpolated: np.ndarray | None = None

    def __post_init__(self) -> None:
        sizes: dict[str, tuple[int, str]] = {}
        for name, shape in SHAPES.items():
            value = getattr(self, name)
            if value is not None:
                _check_array(name, value, shape, sizes)
        for name in _FINITE:
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f'results: {name} has values that are not finite')
        _check_indices(self)

    @property
    def num_frames(self) -> int:
        """How many frames there are, those without people included."""
        return len(self.frame_names)

    @property
    def has_world(self) -> bool:
        """Whether every row is known in the gravity-aligned world."""
        known = (self.pelvis_world, self.global_orient_world_rotmat, self.world2cam_rotmat)
        return len(self.frame) > 0 and all(np.isfinite(value).all() for value in known)

    def to_bytes(self) -> bytes:
        """The bytes of a compressed `.npz` file that needs no pickle."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        arrays = {name: np.asarray(value) for name, value in arrays.items() if value is not None}
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer, format=np.array(FORMAT), format_version=np.array(FORMAT_VERSION), **arrays
        )
        return buffer.getvalue()

    @classmethod
    def load(cls, path: str | Path) -> 'ResultsTable':
        """Read a file that `to_bytes` made.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no such file, of another version, or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except (ValueError, EOFError, OSError, BadZipFile, AttributeError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise ValueError(f'{path}: no readable .npz file ({error})') from error
        if str(arrays.pop('format', '')) != FORMAT:
            raise ValueError(f'{path}: no results file (its `format` is not {FORMAT!r})')
        version = str(arrays.pop('format_version', ''))
        if version != str(FORMAT_VERSION):
            raise ValueError(
                f'{path}: results format version {version}, this library reads {FORMAT_VERSION}'
            )
        wanted = {field.name for field in fields(cls)}
        missing, extra = wanted - set(arrays) - set(OPTIONAL), set(arrays) - wanted
        if missing or extra:
            raise ValueError(f'{path}: fields differ: {sorted(missing | extra)}')
        try:
            texts = {'topology': str(arrays['topology']), 'fps': float(arrays['fps'])}
            return cls(**{**arrays, **texts})
        except (TypeError, ValueError) as error:
            raise ValueError(f'{path}: {error}') from error


def _check_array(
    name: str, value: np.ndarray, shape: tuple[str | int, ...], sizes: dict[str, tuple[int, str]]
) -> None:
    """Raise unless `value` fits; `sizes` holds the letters seen so far, and where."""
    kind = 'U' if name in _TEXTS else 'iu' if name in _COUNTS else 'b' if name in _FLAGS else 'f'
    if value.dtype.kind not in kind:
        raise ValueError(f'results: {name} has the type {value.dtype}')
    if value.ndim != len(shape):
        raise ValueError(f'results: {name} must have the shape {shape}, got {value.shape}')
    for size, want in zip(value.shape, shape):
        known, where = (want, '') if isinstance(want, int) else sizes.get(want, (size, ''))
        if size != known:
            hint = f' ({want} = {known} in {where})' if where else ''
            raise ValueError(f'results: {name} must be {shape}, got {value.shape}{hint}')
        if isinstance(want, str):
            sizes.setdefault(want, (size, name))


def _check_indices(table: ResultsTable) -> None:
    frame, track = table.frame, table.track_id
    if frame.size and not 0 <= frame.min() <= frame.max() < table.num_frames:
        raise ValueError(f'results: frame names frames outside 0..{table.num_frames - 1}')
    if (np.diff(frame) < 0).any():
        raise ValueError('results: rows must come in the order of their frames')
    known = track >= 0
    pairs = np.stack([frame[known], track[known]], axis=1)
    if len(np.unique(pairs, axis=0)) != len(pairs):
        raise ValueError('results: one track_id is there twice in one frame')
    parents = table.joint_parents
    if parents[0] != -1 or any(not 0 <= p < i for i, p in enumerate(parents.tolist()) if i):
        raise ValueError('results: joint_parents must name each parent before its child')
    if (table.focal_length <= 0).any() or (table.frame_shapes <= 0).any():
        raise ValueError('results: focal_length and frame_shapes must be positive')
