"""Joint and vertex errors of meshes, by the protocols of the paper."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from whmr.body_models import BodyModel
from whmr.evaluation.functional import mpjpe, pa_mpjpe, pve
from whmr.keypoints import H36M17_TO_J14, H36M17_TO_J17
from whmr.registry import BODY_MODELS, build_child

MILLIMETRES = 1000.0
_H36M_TABLES = {'j14': H36M17_TO_J14, 'j17': H36M17_TO_J17}


class MeshErrors:
    """Errors between meshes of one body: joints are regressed from the vertices on both sides.

    Joints are centred on the pelvis: joint 0 of the H36M regressor for `j14` and `j17`, the body's
    own for `smpl24`. Vertices are compared as they are (PVE) and centred on the H36M pelvis.

    Args:
        body_model: The body whose regressors are used, or its config.
        joint_set: `j14`, `j17` or `smpl24`.

    Raises:
        ValueError: An unknown joint set.
    """

    def __init__(self, body_model: BodyModel | Mapping[str, Any], joint_set: str) -> None:
        if joint_set != 'smpl24' and joint_set not in _H36M_TABLES:
            raise ValueError(f'joint_set: must be j14, j17 or smpl24, got {joint_set!r}')
        self.body_model: BodyModel = build_child(BODY_MODELS, body_model)
        self.joint_set = joint_set

    def joints(self, vertices: Tensor) -> Tensor:
        """Joints of the set, pelvis-centred.

        Args:
            vertices: Meshes of the body.

        Shapes: B batch, V vertices, K joints of the set.
            vertices: (B, V, 3) m.  returns: (B, K, 3) m.
        """
        joints, pelvis = self._joints(vertices)
        return joints - pelvis

    def mesh_joint_errors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Errors of the joints of two meshes: those of `joint_errors`, and MPJPE un-aligned.

        Args:
            pred: Predicted vertices.
            target: True vertices.

        Shapes: B batch, V vertices.
            pred, target: (B, V, 3) m.  returns: (B,) mm each.
        """
        (pred, pred_pelvis), (target, target_pelvis) = self._joints(pred), self._joints(target)
        errors = self.joint_errors(pred - pred_pelvis, target - target_pelvis)
        return errors | {'MPJPE (un-aligned)': MILLIMETRES * mpjpe(pred, target)}

    def joint_errors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        """MPJPE and PA-MPJPE.

        Args:
            pred: Predicted joints.
            target: True joints.

        Shapes: B batch, K joints.
            pred, target: (B, K, 3) m.  returns: (B,) mm each.
        """
        return {
            'MPJPE': MILLIMETRES * mpjpe(pred, target),
            'PA-MPJPE': MILLIMETRES * pa_mpjpe(pred, target),
        }

    def vertex_errors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        """PVE without alignment, as in the paper's text, and with the pelvis aligned.

        Args:
            pred: Predicted vertices.
            target: True vertices.

        Shapes: B batch, V vertices.
            pred, target: (B, V, 3) m.  returns: (B,) mm each.
        """
        centred = (
            vertices - self.body_model.regress(vertices, 'h36m17')[:, :1]
            for vertices in (pred, target)
        )
        return {
            'PVE': MILLIMETRES * pve(pred, target),
            'PVE (pelvis)': MILLIMETRES * pve(*centred),
        }

    def check_topology(self, sample: Mapping[str, Any], what: str) -> None:
        """Refuse labels of another body: its vertices would be counted wrongly without a sign.

        Args:
            sample: Data sample; its `topology` says of which body its labels are.
            what: How the message names the labels.

        Raises:
            ValueError: The labels are of another body.
        """
        if sample.get('topology'):
            self.body_model.check_topology(sample['topology'], what)

    def _joints(self, vertices: Tensor) -> tuple[Tensor, Tensor]:
        """Joints of the set (B, K, 3) as they lie, and the one they are centred on (B, 1, 3)."""
        if self.joint_set == 'smpl24':
            joints = self.body_model.joints_from_vertices(vertices)[:, :24]
            return joints, joints[:, :1]
        joints = self.body_model.regress(vertices, 'h36m17')
        return joints[:, list(_H36M_TABLES[self.joint_set])], joints[:, :1]
