"""A body of one shape, ready to be animated elsewhere."""

from dataclasses import dataclass

import numpy as np
import torch

from whmr.body_models import BodyModel
from whmr.body_models.skinning import joint_groups, kinematic_chain, skin
from whmr.keypoints import JOINT_SETS

JOINT_NAMES = JOINT_SETS['smpl24'].joints


@dataclass(frozen=True)
class BodyRig:
    """The rest mesh and skeleton of a shaped body, with its skinning weights.

    Pose correctives are no part of it: formats with linear skinning cannot hold them.

    Shapes: V vertices, F faces; m, model frame.
        vertices: (V, 3).  joints: (24, 3).  weights: (V, 24), rows sum to 1.
        faces: (F, 3) int.  parents: the parent of each joint, -1 for the pelvis.
    """

    vertices: np.ndarray
    joints: np.ndarray
    weights: np.ndarray
    faces: np.ndarray
    parents: tuple[int, ...]

    @classmethod
    def from_body(cls, body_model: BodyModel, betas: np.ndarray) -> 'BodyRig':
        """Shape a body.

        Shapes: betas: (S,).

        Raises:
            ValueError: If the body has another number of shape coefficients.
        """
        like = body_model.skin_weights
        shape = torch.from_numpy(betas[None]).to(like)
        still = like.new_zeros(1, len(JOINT_NAMES), 3)
        with torch.no_grad():
            body = body_model(betas=shape, global_orient=still[:, :1], body_pose=still[:, 1:])
        return cls(
            vertices=body.vertices[0].double().cpu().numpy(),
            joints=rest_skeletons(body_model, betas[None])[0],
            weights=body_model.skin_weights.T.double().cpu().numpy(),
            faces=body_model.faces.cpu().numpy(),
            parents=tuple(body_model.parents.tolist()),
        )

    def bones(self) -> np.ndarray:
        """Each joint seen from its parent, the pelvis from the origin.

        Shapes: returns (24, 3) m, model frame.
        """
        above = self.joints[list(self.parents[1:])]
        return np.concatenate([self.joints[:1], self.joints[1:] - above])

    def pose(self, rotations: np.ndarray, pelvis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Skin the mesh linearly: what a program that reads the rig shows.

        Args:
            rotations: Of each joint relative to its parent; the pelvis's leads to the scene.
            pelvis: Where the pelvis is in the scene.

        Shapes: T frames.
            rotations: (T, 24, 3, 3).  pelvis: (T, 3) m.
            returns: vertices (T, V, 3) and joints (T, 24, 3), m, scene.
        """
        count = len(rotations)
        turns = torch.from_numpy(rotations).double()
        rest = torch.from_numpy(self.joints).double().expand(count, -1, -1)
        parents = torch.tensor(self.parents)
        matrices, joints = kinematic_chain(turns, rest, parents, joint_groups(self.parents))
        points = torch.from_numpy(self.vertices.T).double().expand(count, -1, -1)
        weights = torch.from_numpy(np.ascontiguousarray(self.weights.T))
        posed = skin(points, weights, matrices, joints, rest).transpose(1, 2)
        place = torch.from_numpy(pelvis).double()[:, None] - joints[:, :1]
        return (posed + place).numpy(), (joints + place).numpy()


def rest_skeletons(body_model: BodyModel, betas: np.ndarray) -> np.ndarray:
    """The joints of shaped bodies in T-pose.

    Shapes: N bodies, S betas.
        betas: (N, S).  returns: (N, 24, 3) float64 m, model frame.
    """
    template = body_model.j_template.double().cpu().numpy()
    directions = body_model.j_shapedirs.double().cpu().numpy()
    return template + (betas.astype(np.float64) @ directions).reshape(-1, *template.shape)
