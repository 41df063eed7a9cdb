"""Weight initialisers: a module that starts from an earlier training's result."""

from pathlib import Path

from mmengine.logging import print_log
from mmengine.model import update_init_info
from torch import nn

from whmr.checkpoints import read_foreign
from whmr.engine.checkpoint import (
    check_topology,
    load_state_dict,
    read_checkpoint,
    resolve_checkpoint,
    select_prefix,
)
from whmr.registry import WEIGHT_INITIALIZERS


@WEIGHT_INITIALIZERS.register_module()
class StrictPretrained:
    """Loads a checkpoint into a module and accepts no missing, unexpected or misshapen weight.

    `init_cfg=dict(type='StrictPretrained', checkpoint='work_dirs/whmr_lite_stage1')` makes a stage
    start from an earlier one (W-HMR Sec. 3.4). Unlike MMEngine's `Pretrained`, which only logs
    what does not fit, it fails. Modules that it filled are not initialised again by their own
    `init_cfg`.

    Args:
        checkpoint: A `.pth` or `.safetensors` file, or the folder of a training run (its last
            checkpoint).
        prefix: Dotted path of the submodule that receives the weights; '' is the module itself.
        source_prefix: Take only the keys of the file under this prefix, which is removed.
        foreign: The file is another project's: its state dict is looked for under the names that
            trainers use (`whmr.checkpoints.read_foreign`).
        any_body: Take weights that were trained with another body, too (an embedded run does).

    Shapes: none; every weight must have the module's own shape.

    Raises:
        FileNotFoundError: There is no such checkpoint; the message says what to train first.
        CheckpointError: The weights do not fit, or were trained with another body.
    """

    def __init__(
        self,
        checkpoint: str,
        prefix: str = '',
        *,
        source_prefix: str = '',
        foreign: bool = False,
        any_body: bool = False,
    ) -> None:
        self.checkpoint = checkpoint
        self.prefix = prefix.rstrip('.')
        self.source_prefix = source_prefix
        self.foreign = foreign
        self.any_body = any_body

    def __call__(self, module: nn.Module) -> None:
        """Load the checkpoint into `module` or its submodule."""
        try:
            target = module.get_submodule(self.prefix)
        except AttributeError:
            names = ', '.join(name for name, _ in module.named_children())
            raise ValueError(
                f'StrictPretrained: {type(module).__name__} has no submodule {self.prefix!r}; its '
                f'children are: {names}'
            ) from None
        path = self.find()
        checkpoint = {'state_dict': read_foreign(path)} if self.foreign else read_checkpoint(path)
        if not self.any_body:
            check_topology(target, checkpoint, str(path))
        weights = select_prefix(checkpoint['state_dict'], self.source_prefix, what=str(path))
        load_state_dict(target, weights, what=str(path))
        for child in target.modules():
            if child is not module and hasattr(child, 'init_weights'):
                child.is_init = True  # BaseModule.init_weights skips it
        if hasattr(module, '_params_init_info'):
            update_init_info(module, init_info=f'StrictPretrained: load from {path}')
        print_log(f'StrictPretrained: {type(target).__name__} loaded from {path}', 'current')

    def find(self) -> Path:
        """The checkpoint file.

        Raises:
            FileNotFoundError: It does not exist; the message says what to train first.
        """
        try:
            return resolve_checkpoint(self.checkpoint)
        except FileNotFoundError as error:
            path = Path(self.checkpoint)
            run = path.parent.name if path.suffix else path.name
            advice = (
                f"it is the result of the config '{run}': train that first "
                f'(python tools/train.py configs/.../{run}.py)'
                if 'work_dirs' in path.parts
                else 'get it first (docs/release.md: how published checkpoints are converted)'
            )
            raise FileNotFoundError(
                f'{error}; {advice}, or give another file to StrictPretrained(checkpoint=...)'
            ) from None
