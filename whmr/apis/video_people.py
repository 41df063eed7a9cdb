"""Between the record of a frame, the numbers that are tracked, and bodies."""

from dataclasses import dataclass

import numpy as np
import torch

from whmr.apis.hmr_result import PELVIS, HMRResult
from whmr.body_models import BodyModel
from whmr.keypoints import JOINT_SETS
from whmr.tracking import TrackFrame
from whmr.tracking.track_frame import BODY, CAMERA, WORLD
from whmr.visualization import PosedPeople

NEAREST = 1e-3  # m: a distance has a logarithm


def track_frame(result: HMRResult, track_ids: np.ndarray, *, number: int, shot: int) -> TrackFrame:
    """The people of a record who are tracked.

    Args:
        result: The record of one frame.
        track_ids: Who is who; -1 is left out.
        number: Of the frame in the video.
        shot: Of the video.

    Shapes: track_ids: (N,) int.
    """
    rotations = (
        result.global_orient_rotmat,
        result.global_orient_world_rotmat,
        result.body_pose_rotmat,
    )
    focal_length = result.focal_length.astype(np.float64)
    distance = np.maximum(result.cam_t[:, 2], NEAREST)
    placement = [*result.cam_t.T[:2], np.log(distance / focal_length), np.log(focal_length)]
    everybody = TrackFrame(
        number=np.array(number),
        shot=np.array(shot),
        world2cam_rotmat=result.world2cam_rotmat,
        vfov=result.vfov,
        focal_source=np.array(result.focal_source),
        rotation_source=np.array(result.rotation_source),
        track_ids=track_ids,
        boxes=result.boxes,
        scores=result.scores,
        betas=result.betas,
        rotations=np.concatenate(rotations, axis=1),
        placement=np.stack(placement, axis=1),
        interpolated=np.zeros(len(result), bool),
    )
    return everybody.take(np.flatnonzero(track_ids >= 0))


def empty_frame(*, number: int, shot: int, num_betas: int) -> TrackFrame:
    """A frame of which nothing is known.

    Args:
        number: Of the frame in the video.
        shot: Of the video.
        num_betas: Of the body.
    """
    return TrackFrame(
        number=np.array(number),
        shot=np.array(shot),
        world2cam_rotmat=np.full((3, 3), np.nan, np.float32),
        vfov=np.array(np.nan, np.float32),
        focal_source=np.array('unknown'),
        rotation_source=np.array('unknown'),
        track_ids=np.zeros(0, np.int64),
        boxes=np.zeros((0, 4), np.float32),
        scores=np.zeros(0, np.float32),
        betas=np.zeros((0, num_betas), np.float32),
        rotations=np.zeros((0, 25, 3, 3), np.float32),
        placement=np.zeros((0, 4)),
        interpolated=np.zeros(0, bool),
    )


@dataclass(frozen=True)
class PosedTracks:
    """The bodies of one frame's people, by their parameters.

    Shapes: N people, V vertices.
        vertices: (N, V, 3), joints: (N, 49, 3) m, camera axes, no translation.
        joints_world: (N, 49, 3) m, world axes, no translation.
        cam_t: (N, 3) m, camera, for the person's own focal_length: (N,) full px.
    """

    frame: TrackFrame
    vertices: np.ndarray
    joints: np.ndarray
    joints_world: np.ndarray
    cam_t: np.ndarray
    focal_length: np.ndarray

    def people(self, faces: np.ndarray) -> PosedPeople:
        """The same people, ready to be drawn over their frame in the colours of their tracks.

        Shapes: faces: (F, 3).
        """
        return PosedPeople(
            self.vertices,
            faces,
            self.cam_t,
            self.focal_length,
            joints=self.joints,
            boxes=self.frame.boxes,
            numbers=self.frame.track_ids,
        )


@torch.no_grad()
def pose_tracks(frame: TrackFrame, body_model: BodyModel) -> PosedTracks:
    """Shape and pose the people of a frame.

    Args:
        frame: The people.
        body_model: Of their parameters.
    """
    cam_t, focal_length = frame.cam_t()
    if not len(frame):
        vertices = np.zeros((0, body_model.num_vertices, 3))
        joints = joints_world = np.zeros((0, len(JOINT_SETS['spin49']), 3))
    else:
        like = body_model.skin_weights
        seen, upright = frame.rotations[:, CAMERA], frame.rotations[:, WORLD]
        inputs = (frame.betas, seen[:, None], frame.rotations[:, BODY])
        body = body_model(*(torch.from_numpy(part).to(like) for part in inputs))
        vertices = body.vertices.cpu().numpy()
        joints = body_model.joints49(body.joints).double().cpu().numpy()
        pelvis = joints[:, PELVIS, None]  # about which bodies turn
        joints_world = (joints - pelvis) @ seen @ upright.swapaxes(1, 2) + pelvis
    return PosedTracks(frame, vertices, joints, joints_world, cam_t, focal_length)
