"""Results of a clip that never was: smooth movement with everything known exactly."""

import numpy as np
import torch

from whmr.apis import HMRResult
from whmr.body_models import FreeBody
from whmr.geometry import axis_angle_to_rotmat, pitch_roll_to_rotmat, rotmat_to_axis_angle

SHAPE = (720, 1280)  # H, W of the frames
FOCAL_LENGTH = 1100.0
VFOV = float(2 * np.arctan(SHAPE[0] / 2 / FOCAL_LENGTH))


def clip_results(
    num_frames: int = 6,
    num_people: int = 2,
    *,
    seed: int = 0,
    absent: tuple[int, int] | None = None,
    steady_betas: bool = True,
) -> list[HMRResult]:
    """People who walk and swing their limbs before a camera that turns, one record per frame.

    Args:
        num_frames: How long.
        num_people: How many; they stand side by side and turn about, each at its own pace.
        seed: Of their shapes and movements.
        absent: (first, last) frame in which the last person is not seen.
        steady_betas: Whether a person keeps its shape, or it differs a little from frame to frame.
    """
    rng = np.random.default_rng(seed)
    body = FreeBody()
    swing = rng.uniform(-0.8, 0.8, (num_people, 24, 3))
    phase = rng.uniform(0, 2 * np.pi, (num_people, 24, 3))
    betas = rng.normal(0, 0.8, (num_people, 10))
    wobble = 0.0 if steady_betas else 0.05
    results = []
    for frame in range(num_frames):
        time = frame / 10
        pose = swing * np.sin(2 * time + phase)
        pose[:, 0] *= (0.2, 0, 0.2)
        pose[:, 0, 1] += 1.5 * time + np.arange(num_people)
        here = np.arange(num_people)
        if absent is not None and absent[0] <= frame <= absent[1]:
            here = here[:-1]
        place = np.stack(
            [1.4 * (here - num_people / 2) + 0.2 * time, np.full(len(here), 0.3), 5 + 0.5 * here],
            axis=1,
        )
        changed = betas[here] + wobble * rng.normal(size=(len(here), 10))
        results.append(_frame(body, f'clip.mp4#{frame}', changed, pose[here], place, time))
    return results


def _frame(
    body: FreeBody, name: str, betas: np.ndarray, pose: np.ndarray, place: np.ndarray, time: float
) -> HMRResult:
    rotmat = pitch_roll_to_rotmat(torch.tensor(0.15), torch.tensor(0.1 * time)).float()
    rotations = axis_angle_to_rotmat(torch.from_numpy(pose).float())
    world = torch.diag(torch.tensor([1.0, -1.0, -1.0])) @ rotations[:, :1]
    camera = rotmat @ world
    shape = torch.from_numpy(betas).float()
    seen = body(shape, camera, rotations[:, 1:])
    upright = body(shape, world, rotations[:, 1:])
    joints = body.joints49(seen.joints).numpy()
    cam_t = place.astype(np.float32)
    points = joints + cam_t[:, None]
    middle = np.array(SHAPE[::-1]) / 2
    pixels = FOCAL_LENGTH * points[..., :2] / points[..., 2:] + middle
    intrinsics = np.tile(np.diag([FOCAL_LENGTH, FOCAL_LENGTH, 1.0]), (len(betas), 1, 1))
    intrinsics[:, :2, 2] = middle

    def vectors(matrices: torch.Tensor) -> np.ndarray:
        return rotmat_to_axis_angle(matrices).numpy()

    return HMRResult(
        image_name=name,
        image_shape=np.array(SHAPE),
        topology=body.topology,
        boxes=np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1).astype(np.float32),
        scores=np.ones(len(betas), np.float32),
        betas=shape.numpy(),
        global_orient=vectors(camera),
        global_orient_rotmat=camera.numpy(),
        body_pose=vectors(rotations[:, 1:]),
        body_pose_rotmat=rotations[:, 1:].numpy(),
        global_orient_world=vectors(world),
        global_orient_world_rotmat=world.numpy(),
        weak_cam=np.full((len(betas), 3), np.nan, np.float32),
        cam_t=cam_t,
        focal_length=np.full(len(betas), FOCAL_LENGTH, np.float32),
        intrinsics=intrinsics.astype(np.float32),
        vertices=seen.vertices.numpy(),
        joints=joints,
        vertices_world=upright.vertices.numpy(),
        joints_world=body.joints49(upright.joints).numpy(),
        keypoints_2d=pixels.astype(np.float32),
        faces=body.faces.numpy().astype(np.int32),
        world2cam_rotmat=rotmat.numpy(),
        pitch=np.array(0.15, np.float32),
        roll=np.array(0.1 * time, np.float32),
        vfov=np.array(VFOV, np.float32),
    )
