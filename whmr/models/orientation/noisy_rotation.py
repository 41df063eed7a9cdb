"""An orientation module that is fed a camera rotation with a known error."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from whmr.geometry import check_shape, gravity_to_pitch_roll, pitch_roll_to_rotmat
from whmr.registry import ORIENTATIONS, build_child


@ORIENTATIONS.register_module()
class NoisyRotation(BaseModule):
    """Tilts the camera rotation before another module reads it, in training and in evaluation.

    With `rotation_source='known'` it measures how an orientation module bears the error of the
    rotation that it is fed. The direction of gravity is turned by an angle between two limits
    about a random axis across it; the result is a rotation of pitch and roll again.

    Args:
        orientation: A config of `ORIENTATIONS`, or a built module.
        degrees: Smallest and largest angle.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: The limits are negative or not in order, or a rotation has another shape.

    Shapes: B batch. As the module inside.
        world2cam_rotmat: (B, 3, 3) x_cam = R x_world, R = Rx(pitch) Rz(roll).
    """

    def __init__(
        self,
        orientation: Mapping[str, Any] | nn.Module,
        degrees: tuple[float, float],
        *,
        init_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        low, high = degrees
        if not 0 <= low <= high:
            raise ValueError(f'NoisyRotation: degrees must be 0 <= low <= high, got {degrees}')
        self.orientation = build_child(ORIENTATIONS, orientation)
        self.degrees = (low, high)

    def forward(
        self,
        body_feat: Tensor,
        global_info: Tensor,
        world2cam_rotmat: Tensor,
        global_orient: Tensor,
    ) -> Tensor:
        check_shape(world2cam_rotmat, (None, 3, 3), 'NoisyRotation: world2cam_rotmat')
        noisy = self.tilt(world2cam_rotmat)
        return self.orientation(body_feat, global_info, noisy, global_orient)

    def tilt(self, world2cam_rotmat: Tensor) -> Tensor:
        """The rotations with their gravity turned, by torch's random numbers.

        Shapes: B batch.
            world2cam_rotmat and returns: (B, 3, 3).
        """
        low, high = (torch.pi / 180 * limit for limit in self.degrees)
        gravity = world2cam_rotmat[:, :, 1]
        angle = low + (high - low) * torch.rand_like(gravity[:, :1])
        # Of any random direction, the part across gravity.
        random = torch.randn_like(gravity)
        across = random - (random * gravity).sum(1, keepdim=True) * gravity
        across = across / torch.linalg.vector_norm(across, dim=1, keepdim=True)
        turned = gravity * angle.cos() + across * angle.sin()
        return pitch_roll_to_rotmat(*gravity_to_pitch_roll(turned))
