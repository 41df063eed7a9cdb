"""From body parameters and a weak camera to the mesh, its joints and both their projections."""

from __future__ import annotations

from torch import Tensor

from whmr.body_models import BodyModel
from whmr.geometry import orthogonalize
from whmr.models.estimators.grad_flow import GradFlow
from whmr.models.estimators.outputs import StepOutput
from whmr.models.estimators.projection import project_joints
from whmr.models.heads import RegressorOutput
from whmr.structures import BodyEstimate, CropMetas


def body_step(
    body_model: BodyModel,
    update: RegressorOutput,
    *,
    metas: CropMetas,
    orthogonal: bool,
    distance: Tensor | None = None,
    grad_flow: GradFlow | None = None,
    full_2d_to_camera: bool = False,
) -> StepOutput:
    """Pose the body and see it with the crop's and with the full image's camera.

    W-HMR Eq. 2-4 and 14.

    Args:
        body_model: The body of the parameters.
        update: What a regressor says.
        metas: Where the crops lie.
        orthogonal: Make rotations of the pose; otherwise its numbers are taken as they are.
        distance: Predicted distance; None: the focal length is the user's or the image diagonal.
        grad_flow: Which gradients pass; None lets all of them.
        full_2d_to_camera: The full image's 2D loss reaches the weak camera, as in CLIFF; W-HMR
            stops it.

    Shapes: B batch, J joints of the pose, S betas.
        update: pose (B, J, 3, 3), betas (B, S), weak_cam (B, 3).  distance: (B,) m.
    """
    pose, betas, weak_cam = update
    rotmat = orthogonalize(pose) if orthogonal else pose
    body = body_model(betas=betas, global_orient=rotmat[:, :1], body_pose=rotmat[:, 1:])
    joints = body_model.joints49(body.joints)
    projection = project_joints(
        joints,
        weak_cam,
        distance,
        metas,
        grad_flow=grad_flow,
        full_2d_to_camera=full_2d_to_camera,
    )
    return StepOutput(
        pose=pose,
        rotmat=rotmat,
        betas=betas,
        weak_cam=weak_cam,
        vertices=body.vertices,
        joints=joints,
        **projection._asdict(),
    )


def to_estimate(step: StepOutput, body_feat: Tensor) -> BodyEstimate:
    """A step's result in the form that `WorldHMR` and users read.

    Shapes: B batch, C channels.
        body_feat: (B, C).
    """
    return BodyEstimate(
        body_feat=body_feat,
        global_orient=step.rotmat[:, :1],
        body_pose=step.rotmat[:, 1:],
        betas=step.betas,
        weak_cam=step.weak_cam,
        distance=step.cam_t[:, 2],
        focal_length=step.focal_length,
        cam_t=step.cam_t,
        vertices=step.vertices,
        joints=step.joints,
    )
