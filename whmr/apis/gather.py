"""From the records of single photos to one table of people and frames."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch

from whmr.apis.hmr_result import PELVIS, HMRResult
from whmr.apis.link_boxes import link_boxes
from whmr.body_models import BodyModel
from whmr.geometry import vfov_to_focal
from whmr.visualization import share_focal_length
from whmr.visualization.export import JOINT_NAMES, ResultsTable, rest_skeletons

_SAME = (
    'boxes',
    'scores',
    'betas',
    'global_orient',
    'global_orient_rotmat',
    'body_pose',
    'body_pose_rotmat',
    'global_orient_world',
    'global_orient_world_rotmat',
    'cam_t',
    'joints',
    'joints_world',
    'keypoints_2d',
)
_MESHES = ('vertices', 'vertices_world')


def gather_results(
    results: Iterable[HMRResult],
    body_model: BodyModel,
    *,
    fps: float | None = None,
    track_ids: Sequence[np.ndarray] | None = None,
    shots: Sequence[str] | None = None,
    meshes: bool = False,
) -> ResultsTable:
    """Put the people of frames into one table.

    The records are read one after another, and without `meshes` their vertices are let go at once.
    One camera sees all people of a shot: its focal length is the median of theirs over all frames,
    and distances are scaled to it (`share_focal_length`).

    Args:
        results: One record per frame, in order.
        body_model: The body that they are of.
        fps: Frames per second, if they are of a video.
        track_ids: Who is who, one array per frame. None takes the records' own, and where there are
            none links people whose boxes overlap from frame to frame of a shot (nobody if it has
            one frame only). Ids of different shots are made different.
        shots: Which shot each frame is of; frames of the same text are of one. None: all are of
            one. It is looked at when all records are read.
        meshes: Keep vertices.

    Shapes: N people of a frame.
        track_ids: (N,) int, 0 or more, or -1 for not known.

    Raises:
        BodyMismatchError: If a record is of another body.
        ValueError: If there is no record, frames differ in size, or ids do not fit the people.
    """
    records: list[dict[str, np.ndarray]] = []
    frames: list[HMRResult] = []
    wanted = [*_SAME, 'focal_length', *(_MESHES if meshes else ())]
    for result in results:
        body_model.check_topology(result.topology, result.image_name)
        records.append({name: getattr(result, name) for name in wanted})
        frames.append(_without_people(result))
    if not records:
        raise ValueError('there are no records to gather')
    groups = _group(frames, shots)
    counts = [len(record['boxes']) for record in records]
    if track_ids is None:
        track_ids = _find_tracks(records, frames, groups)
    if [len(ids) for ids in track_ids] != counts:
        raise ValueError('track_ids: one array per frame with one id per person is wanted')
    columns = {name: np.concatenate([record[name] for record in records]) for name in wanted}
    own_focal = columns.pop('focal_length')
    shared = _shared_focals(records, frames, groups)
    frame = np.repeat(np.arange(len(records)), counts)
    rotmat = np.stack([each.world2cam_rotmat for each in frames])
    placed = share_focal_length(columns['cam_t'], own_focal, shared[frame])
    pelvis = columns['joints'][:, PELVIS] + placed
    shapes = np.stack([each.image_shape for each in frames])
    return ResultsTable(
        topology=body_model.topology,
        fps=float('nan') if fps is None else float(fps),
        frame_names=np.array([each.image_name for each in frames]),
        frame_shapes=shapes,
        focal_length=shared.astype(np.float32),
        intrinsics=_intrinsics(shared, shapes),
        world2cam_rotmat=rotmat,
        pitch=np.stack([each.pitch for each in frames]),
        roll=np.stack([each.roll for each in frames]),
        vfov=np.stack([each.vfov for each in frames]),
        focal_source=np.array([each.focal_source for each in frames]),
        rotation_source=np.array([each.rotation_source for each in frames]),
        frame=frame,
        track_id=np.concatenate([np.asarray(ids, np.int64).reshape(-1) for ids in track_ids]),
        person_focal_length=own_focal,
        pelvis_camera=pelvis.astype(np.float32),
        pelvis_world=np.einsum('rji,rj->ri', rotmat[frame], pelvis).astype(np.float32),
        rest_joints=rest_skeletons(body_model, columns['betas']).astype(np.float32),
        joint_parents=body_model.parents.cpu().numpy(),
        joint_names=np.array(JOINT_NAMES),
        faces=body_model.faces.cpu().numpy().astype(np.int32),
        **columns,
    )


def _without_people(result: HMRResult) -> HMRResult:
    """What a record says of its frame, without what it says of the people's bodies."""
    bodies = {name: np.empty(0) for name in (*_SAME[2:], *_MESHES, 'weak_cam', 'faces')}
    return replace(result, **bodies)


def _group(frames: Sequence[HMRResult], shots: Sequence[str] | None) -> list[list[int]]:
    """The frames of each shot."""
    if shots is not None and len(shots) != len(frames):
        raise ValueError(f'shots: {len(shots)} texts for {len(frames)} frames')
    groups: dict[str, list[int]] = {}
    for number, shot in enumerate([''] * len(frames) if shots is None else shots):
        groups.setdefault(shot, []).append(number)
    for group in groups.values():
        first = frames[group[0]]
        for other in (frames[number] for number in group):
            if tuple(other.image_shape) != tuple(first.image_shape):
                raise ValueError(
                    f'{other.image_name} is {_size(other.image_shape)} px and {first.image_name} '
                    f'{_size(first.image_shape)}: not frames of one shot'
                )
    return list(groups.values())


def _find_tracks(
    records: Sequence[dict[str, np.ndarray]],
    frames: Sequence[HMRResult],
    groups: Sequence[Sequence[int]],
) -> list[np.ndarray]:
    """Ids of the records, or those of overlapping boxes; of each shot other ones."""
    found = [np.empty(0, np.int64)] * len(frames)
    used = 0
    for group in groups:
        own = [frames[number].track_ids for number in group]
        if any(ids is None for ids in own):
            own = link_boxes([records[number]['boxes'] for number in group])
        for number, ids in zip(group, own):
            found[number] = np.where(ids >= 0, ids + used, -1)
        used = max([used, *(int(found[number].max(initial=-1)) + 1 for number in group)])
    return found


def _shared_focals(
    records: Sequence[dict[str, np.ndarray]],
    frames: Sequence[HMRResult],
    groups: Sequence[Sequence[int]],
) -> np.ndarray:
    """(T,) px: the median of a shot's people.

    Without anybody it is the known focal length, else the photo's diagonal, as for a camera that is
    not known.
    """
    shared = np.empty(len(frames))
    for group in groups:
        people = np.concatenate([records[number]['focal_length'] for number in group])
        first = frames[group[0]]
        if len(people):
            shared[group] = np.median(people)
        elif first.focal_source in ('given', 'exif'):
            height = torch.tensor(float(first.image_shape[0]))
            shared[group] = float(vfov_to_focal(torch.as_tensor(first.vfov), height))
        else:
            shared[group] = np.hypot(*first.image_shape)
    return shared


def _intrinsics(focal: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    matrices = np.zeros((len(shapes), 3, 3), np.float32)
    matrices[:, 0, 0] = matrices[:, 1, 1] = focal
    matrices[:, :2, 2] = shapes[:, ::-1] / 2
    matrices[:, 2, 2] = 1
    return matrices


def _size(shape: np.ndarray) -> str:
    return f'{int(shape[0])} x {int(shape[1])}'
