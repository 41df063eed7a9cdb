"""CLIFF: HMR that is told where the crop lies."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from whmr.geometry import pseudo_focal_length
from whmr.models.estimators.single_step import Regressed, SingleStepEstimator
from whmr.registry import MODELS
from whmr.structures import CropMetas


@MODELS.register_module()
class CLIFF(SingleStepEstimator):
    """Carrying location information in full frames (Li et al., ECCV 2022).

    HMR whose regressor also reads the box's centre, from the principal point, and its side, each
    divided by the focal length. With `full_2d_to_camera=True` and the term `keypoints_2d_full` the
    reprojection is supervised in the full image, as the paper does. The focal length is the user's
    where one is known, else the image diagonal.

    Args: as `SingleStepEstimator`; `head` is an `IterativeRegressor` with `extra_dim=3`.

    Shapes: B batch, h and w the network input.
        inputs['crop']: (B, 3, h, w), normalised.
    """

    def regress(self, inputs: Mapping[str, Any], metas: CropMetas) -> Regressed:
        """Body, camera and pooled feature of each crop."""
        feature_map = self.backbone(inputs['crop'])
        body_feat = feature_map.mean(dim=(2, 3))
        return Regressed(self.head(body_feat, box_info(metas)), body_feat, feature_map)


def box_info(metas: CropMetas) -> Tensor:
    """Where each box lies, as angles from the optical axis: CLIFF's 3 numbers.

    Shapes: B batch.
        returns: (B, 3) (cx - W/2, cy - H/2, b) / f.
    """
    focal = pseudo_focal_length(metas.full_shape)
    if metas.known_focal_length is not None:
        known = metas.known_focal_length
        focal = torch.where(torch.isnan(known), focal, known)
    offset = metas.bbox_center - metas.full_shape.flip(-1) / 2
    return torch.cat([offset, metas.bbox_size[:, None]], dim=1) / focal[:, None]
