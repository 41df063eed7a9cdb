"""Labels of the people in one synthetic image, exact by construction."""

import numpy as np
import torch

from whmr.datasets.synthetic.cameras import SampledCamera, project
from whmr.datasets.synthetic.people import Person
from whmr.geometry import rotmat_to_axis_angle
from whmr.keypoints import JOINT_SETS
from whmr.rendering import SceneImage

# A joint lies inside its limb; a surface of its own body this much nearer hides it, m.
OWN_MARGIN = 0.18
# A surface of something else this much nearer hides it, m.
OTHER_MARGIN = 0.04
MIN_VISIBLE_JOINTS = 8
MIN_BOX_HEIGHT = 1 / 16  # of the image
ROTATIONS = ('global_orient', 'body_pose', 'global_orient_world')
GT_JOINTS = [i for i, name in enumerate(JOINT_SETS['spin49'].joints) if not name.startswith('op_')]


def label_people(
    people: list[Person], camera: SampledCamera, picture: SceneImage
) -> dict[str, np.ndarray]:
    """Label columns of everybody who can be seen well enough, one row each.

    Args:
        people: Everybody; person i is mesh i of the picture.
        camera: The camera.
        picture: The rendered scene.

    Returns:
        Columns of the annotation format without `img_path` and `ori_shape`, and `visibility`
        (bool: the joint is in the image and nothing hides it).

    Shapes: M people; m, rad, px.
        `bbox` (M, 4), `keypoints_2d` (M, 49, 2), `keypoints_2d_conf` (M, 49), `visibility` (M, 49),
        `keypoints_3d` (M, 49, 3), `global_orient` (M, 3), `body_pose` (M, 69), `betas` (M, 10),
        `cam_t` (M, 3), `pelvis` (M, 3), `global_orient_world` (M, 3),
        `world2cam_rotmat` (M, 3, 3), `intrinsics` (M, 3, 3).
    """
    rows = [_label(index, person, camera, picture) for index, person in enumerate(people)]
    rows = [row for row in rows if _is_seen(row, picture.mesh_id.shape[0])]
    if not rows:
        return {}
    columns = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    rotations = [columns[name].reshape(-1, 3, 3) for name in ROTATIONS]
    sizes = [len(matrices) for matrices in rotations]
    vectors = rotmat_to_axis_angle(torch.from_numpy(np.concatenate(rotations))).numpy()
    for name, part in zip(ROTATIONS, np.split(vectors, np.cumsum(sizes)[:-1]), strict=True):
        columns[name] = part.reshape(len(rows), -1).astype(np.float32)
    return columns


def _label(
    index: int, person: Person, camera: SampledCamera, picture: SceneImage
) -> dict[str, np.ndarray]:
    height, width = picture.mesh_id.shape
    rotation = camera.world2cam_rotmat
    outline, _ = project(person.world_vertices, camera)
    low = np.clip(outline.min(0), 0, [width, height])
    high = np.clip(outline.max(0), 0, [width, height])
    keypoints, depth = project(person.joints + person.position, camera)
    inside = (depth > 0) & (keypoints >= 0).all(1) & (keypoints <= [width, height]).all(1)
    return dict(
        bbox=np.concatenate([low, high]).astype(np.float32),
        keypoints_2d=keypoints.astype(np.float32),
        keypoints_2d_conf=inside.astype(np.float32),
        visibility=inside & _unhidden(index, keypoints, depth, picture),
        keypoints_3d=(person.joints @ rotation.T).astype(np.float32),
        global_orient=rotation @ person.global_orient_world,
        body_pose=person.body_pose,
        betas=person.betas.astype(np.float32),
        cam_t=(rotation @ person.position - person.rest_pelvis).astype(np.float32),
        pelvis=person.rest_pelvis.astype(np.float32),
        global_orient_world=person.global_orient_world,
        world2cam_rotmat=rotation.astype(np.float32),
        intrinsics=camera.intrinsics.astype(np.float32),
    )


def _unhidden(
    index: int, keypoints: np.ndarray, depth: np.ndarray, picture: SceneImage
) -> np.ndarray:
    """(K,) whether nothing lies between the camera and the joint's limb."""
    height, width = picture.mesh_id.shape
    col = np.clip(keypoints[:, 0], 0, width - 1).astype(int)
    row = np.clip(keypoints[:, 1], 0, height - 1).astype(int)
    mesh, surface = picture.mesh_id[row, col], picture.depth[row, col]
    margin = np.where(mesh == index, OWN_MARGIN, OTHER_MARGIN)
    return (mesh < 0) | (surface > depth - margin)


def _is_seen(row: dict[str, np.ndarray], image_height: int) -> bool:
    width, height = row['bbox'][2:] - row['bbox'][:2]
    visible = int(row['visibility'][GT_JOINTS].sum())
    tall = height >= MIN_BOX_HEIGHT * image_height
    return tall and width > 0 and visible >= MIN_VISIBLE_JOINTS
