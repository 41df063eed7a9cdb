"""The baseline that multiplies by the camera's rotation."""

from mmengine.model import BaseModule
from torch import Tensor

from whmr.geometry import camera_to_world_orient, check_shape
from whmr.registry import ORIENTATIONS


@ORIENTATIONS.register_module()
class RotationMultiply(BaseModule):
    """Turns the orientation by the inverse camera rotation: exact if that is exact.

    The baseline of W-HMR Sec. 4.4 that OrientCorrect must beat. It has no parameters; the feature
    and the global information are ignored.

    Args:
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: A rotation has another shape.

    Shapes: B batch.
        body_feat: (B, C).  global_info: (B, 5).  world2cam_rotmat: (B, 3, 3) x_cam = R x_world.
        global_orient: (B, 1, 3, 3) model -> camera.  returns: (B, 1, 3, 3) model -> world.
    """

    def __init__(self, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)

    def forward(
        self,
        body_feat: Tensor,
        global_info: Tensor,
        world2cam_rotmat: Tensor,
        global_orient: Tensor,
    ) -> Tensor:
        check_shape(global_orient, (None, 1, 3, 3), 'RotationMultiply: global_orient')
        expected = (global_orient.shape[0], 3, 3)
        check_shape(world2cam_rotmat, expected, 'RotationMultiply: world2cam_rotmat')
        return camera_to_world_orient(global_orient, world2cam_rotmat)
