"""The baseline that takes the camera's frame for the world."""

from mmengine.model import BaseModule
from torch import Tensor

from whmr.geometry import check_shape
from whmr.registry import ORIENTATIONS


@ORIENTATIONS.register_module()
class Uncorrected(BaseModule):
    """Returns the orientation as it is: right only for a level camera.

    What models that know no world frame do. It has no parameters; all but the orientation is
    ignored.

    Args:
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: The orientation has another shape.

    Shapes: B batch.
        body_feat: (B, C).  global_info: (B, 5).  world2cam_rotmat: (B, 3, 3).
        global_orient: (B, 1, 3, 3) model -> camera.
        returns: (B, 1, 3, 3) the same, taken as model -> world.
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
        check_shape(global_orient, (None, 1, 3, 3), 'Uncorrected: global_orient')
        return global_orient
