"""The table of a video's people, written row by row."""

from pathlib import Path

import numpy as np
import torch

from whmr.apis.hmr_result import PELVIS
from whmr.apis.video_columns import ColumnFiles
from whmr.apis.video_people import PosedTracks
from whmr.body_models import BodyModel
from whmr.geometry import rotmat_to_axis_angle, rotmat_to_pitch_roll
from whmr.tracking.track_frame import BODY, CAMERA, WORLD, TrackFrame
from whmr.visualization import share_focal_length
from whmr.visualization.export import FORMAT, FORMAT_VERSION, JOINT_NAMES, rest_skeletons

NUMBER_DIGITS = 12  # of a frame in its name
SOURCE_LETTERS = 9  # of `predicted`


class VideoTable:
    """Makes a `results.npz` (see `ResultsTable`) of frames that come one by one.

    Args:
        folder: For temporary files; it must exist.
        video: Name of the video.
        image_shape: H, W of its frames.
        body_model: Of the people.
        fps: Frames per second; None = not known.
    """

    def __init__(
        self,
        folder: Path,
        video: str,
        image_shape: tuple[int, int],
        *,
        body_model: BodyModel,
        fps: float | None,
    ) -> None:
        self.video, self.image_shape, self.fps = video, image_shape, fps
        self.body_model = body_model
        self.num_frames = 0
        self._columns = ColumnFiles(folder)

    def add(self, posed: PosedTracks, focal_length: float) -> None:
        """Append a frame and its people.

        Args:
            posed: The people.
            focal_length: Of the one camera that sees them all, full px.
        """
        floats = self._camera(posed.frame, focal_length) | self._people(posed, focal_length)
        self._columns.append({name: np.asarray(v, np.float32) for name, v in floats.items()})
        frame = posed.frame
        name_type = f'<U{len(self.video) + 1 + NUMBER_DIGITS}'
        self._columns.append(
            {
                'frame_names': np.array([f'{self.video}#{frame.number}'], name_type),
                'frame_shapes': np.array([self.image_shape], np.int64),
                'focal_source': frame.focal_source[None].astype(f'<U{SOURCE_LETTERS}'),
                'rotation_source': frame.rotation_source[None].astype(f'<U{SOURCE_LETTERS}'),
                'shot': frame.shot[None].astype(np.int64),
                'frame': np.full(len(frame), self.num_frames, np.int64),
                'track_id': frame.track_ids,
                'interpolated': frame.interpolated,
            }
        )
        self.num_frames += 1

    def write(self, path: Path) -> None:
        """Write the file.

        Args:
            path: Where to.

        Raises:
            OSError: If it cannot be written.
        """
        body = self.body_model
        constants = {
            'format': np.array(FORMAT),
            'format_version': np.array(FORMAT_VERSION),
            'topology': np.array(body.topology),
            'fps': np.array(np.nan if self.fps is None else self.fps),
            'joint_parents': body.parents.cpu().numpy(),
            'joint_names': np.array(JOINT_NAMES),
            'faces': body.faces.cpu().numpy().astype(np.int32),
        }
        self._columns.write_npz(path, constants)

    def _camera(self, frame: TrackFrame, focal_length: float) -> dict[str, np.ndarray]:
        height, width = self.image_shape
        rotmat = np.asarray(frame.world2cam_rotmat, np.float64)
        pitch, roll = rotmat_to_pitch_roll(torch.from_numpy(rotmat))
        intrinsics = [[focal_length, 0, width / 2], [0, focal_length, height / 2], [0, 0, 1]]
        values = {
            'focal_length': focal_length,
            'intrinsics': intrinsics,
            'world2cam_rotmat': rotmat,
            'pitch': pitch.numpy(),
            'roll': roll.numpy(),
            'vfov': frame.vfov,
        }
        return {name: np.asarray(value)[None] for name, value in values.items()}

    def _people(self, posed: PosedTracks, focal_length: float) -> dict[str, np.ndarray]:
        frame, joints = posed.frame, posed.joints
        height, width = self.image_shape
        rotmats = {
            'global_orient': frame.rotations[:, CAMERA][:, None],
            'global_orient_world': frame.rotations[:, WORLD][:, None],
            'body_pose': frame.rotations[:, BODY],
        }
        turned = {
            name: rotmat_to_axis_angle(torch.from_numpy(rotmat)).numpy()
            for name, rotmat in rotmats.items()
        }
        pelvis = joints[:, PELVIS] + share_focal_length(
            posed.cam_t, posed.focal_length, focal_length
        )
        points = joints + posed.cam_t[:, None]
        pixels = posed.focal_length[:, None, None] * points[..., :2] / points[..., 2:]
        return {
            'boxes': frame.boxes,
            'scores': frame.scores,
            'betas': frame.betas,
            **turned,
            **{f'{name}_rotmat': rotmat for name, rotmat in rotmats.items()},
            'person_focal_length': posed.focal_length,
            'cam_t': posed.cam_t,
            'pelvis_camera': pelvis,
            'pelvis_world': pelvis @ np.asarray(frame.world2cam_rotmat, np.float64),
            'joints': joints,
            'joints_world': posed.joints_world,
            'keypoints_2d': pixels + [width / 2, height / 2],
            'rest_joints': rest_skeletons(self.body_model, frame.betas),
        }
