"""HMR: one pooled feature and an iterative regressor."""

from collections.abc import Mapping
from typing import Any

from whmr.models.estimators.single_step import Regressed, SingleStepEstimator
from whmr.registry import MODELS
from whmr.structures import CropMetas


@MODELS.register_module()
class HMR(SingleStepEstimator):
    """End-to-end recovery of human shape and pose (Kanazawa et al., CVPR 2018), in SPIN's layout.

    The backbone's map is averaged to one feature, from which `IterativeRegressor` corrects the mean
    body. The pooled feature is the `body_feat` that OrientCorrect reads. Supervision is that of
    SPIN (Kolotouros et al., ICCV 2019): on the last pass, 2D in the crop.

    Args: as `SingleStepEstimator`; `head` is an `IterativeRegressor`.

    Shapes: B batch, h and w the network input.
        inputs['crop']: (B, 3, h, w), normalised.
    """

    def regress(self, inputs: Mapping[str, Any], metas: CropMetas) -> Regressed:
        """Body, camera and pooled feature of each crop."""
        feature_map = self.backbone(inputs['crop'])
        body_feat = feature_map.mean(dim=(2, 3))
        return Regressed(self.head(body_feat), body_feat, feature_map)
