"""From the records of single photos to one table of people and frames."""

from collections.abc import Iterable, Sequence

import numpy as np

from whmr.apis.hmr_result import PELVIS, HMRResult
from whmr.body_models import BodyModel
from whmr.visualization import share_focal_length
from whmr.visualization.export import JOINT_NAMES, ResultsTable, rest_skeletons

MIN_OVERLAP = 0.2  # IoU of the boxes of one person in two frames that follow each other
MAX_GAP = 5  # frames that a person may be away for
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
    meshes: bool = False,
) -> ResultsTable:
    """Put the people of the frames of one shot into one table.

    The records are read one after another, and without `meshes` their vertices are let go at once.
    One camera sees all people: its focal length is the median of theirs over all frames, and
    distances are scaled to it (`share_focal_length`).

    Args:
        results: One record per frame, in order.
        body_model: The body that they are of.
        fps: Frames per second, if they are of a video.
        track_ids: Who is who, one array per frame; None links people whose boxes overlap from
            frame to frame, and links nobody if there is one frame only.
        meshes: Keep vertices.

    Shapes: N people of a frame.
        track_ids: (N,) int, 0 or more, or -1 for not known.

    Raises:
        BodyMismatchError: If a record is of another body.
        ValueError: If there is no record, frames differ in size, or ids do not fit the people.
    """
    records: list[dict[str, np.ndarray]] = []
    names: list[str] = []
    shapes: list[np.ndarray] = []
    cameras: list[tuple[np.ndarray, ...]] = []
    wanted = [*_SAME, 'focal_length', *(_MESHES if meshes else ())]
    for result in results:
        body_model.check_topology(result.topology, result.image_name)
        if shapes and tuple(shapes[0]) != tuple(result.image_shape):
            raise ValueError(
                f'{result.image_name} is {_size(result.image_shape)} px and {names[0]} '
                f'{_size(shapes[0])}: not frames of one shot'
            )
        names.append(result.image_name)
        shapes.append(result.image_shape)
        cameras.append((result.world2cam_rotmat, result.pitch, result.roll, result.vfov))
        records.append({name: getattr(result, name) for name in wanted})
    if not records:
        raise ValueError('there are no records to gather')
    counts = [len(record['boxes']) for record in records]
    if track_ids is None:
        track_ids = link_boxes([record['boxes'] for record in records])
    if [len(ids) for ids in track_ids] != counts:
        raise ValueError('track_ids: one array per frame with one id per person is wanted')
    columns = {name: np.concatenate([record[name] for record in records]) for name in wanted}
    own_focal = columns.pop('focal_length')
    shared = _shared_focal(own_focal, shapes[0])
    frame = np.repeat(np.arange(len(records)), counts)
    rotmat, pitch, roll, vfov = (np.stack(parts) for parts in zip(*cameras))
    pelvis = columns['joints'][:, PELVIS] + share_focal_length(columns['cam_t'], own_focal, shared)
    return ResultsTable(
        topology=body_model.topology,
        fps=float('nan') if fps is None else float(fps),
        frame_names=np.array(names),
        frame_shapes=np.stack(shapes),
        focal_length=np.full(len(records), shared, np.float32),
        intrinsics=_intrinsics(shared, shapes),
        world2cam_rotmat=rotmat,
        pitch=pitch,
        roll=roll,
        vfov=vfov,
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


def link_boxes(boxes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Who is who in frames that follow each other, by the overlap of boxes alone.

    A stand-in for a tracker: the pair that overlaps most is linked first, and a person who is away
    for more than 5 frames comes back as somebody else.

    Shapes: N people of a frame.
        boxes: (N, 4) xyxy px per frame.  returns: (N,) int64 per frame; all -1 for a single frame.
    """
    if len(boxes) == 1:
        return [np.full(len(boxes[0]), -1, np.int64)]
    last: dict[int, tuple[int, np.ndarray]] = {}  # track -> frame and box
    linked = []
    for frame, found in enumerate(boxes):
        ids = np.full(len(found), -1, np.int64)
        live = [track for track, (seen, _) in last.items() if frame - seen <= MAX_GAP + 1]
        pairs = sorted(
            (
                (-_overlap(found[row], last[track][1]), row, track)
                for row in range(len(found))
                for track in live
            ),
        )
        taken: set[int] = set()
        for score, row, track in pairs:
            if -score >= MIN_OVERLAP and ids[row] < 0 and track not in taken:
                ids[row] = track
                taken.add(track)
        for row in np.flatnonzero(ids < 0):
            ids[row] = len(last)
            last[len(last)] = (frame, found[row])
        last |= {int(track): (frame, box) for track, box in zip(ids, found)}
        linked.append(ids)
    return linked


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes xyxy."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    common = float(np.clip(sides, 0, None).prod())
    union = float((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod()) - common
    return common / union if union > 0 else 0.0


def _shared_focal(focal_length: np.ndarray, shape: np.ndarray) -> float:
    """The median; without anybody the photo's diagonal, as for a camera that is not known."""
    if len(focal_length):
        return float(np.median(focal_length))
    return float(np.hypot(*shape))


def _intrinsics(focal: float, shapes: Sequence[np.ndarray]) -> np.ndarray:
    matrices = np.zeros((len(shapes), 3, 3), np.float32)
    matrices[:, 0, 0] = matrices[:, 1, 1] = focal
    matrices[:, :2, 2] = np.stack(shapes)[:, ::-1] / 2
    matrices[:, 2, 2] = 1
    return matrices


def _size(shape: np.ndarray) -> str:
    return f'{int(shape[0])} x {int(shape[1])}'
