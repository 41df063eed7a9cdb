"""Says at the start what is trained and what is frozen."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import nn

from whmr.registry import HOOKS


def count_parameters(model: nn.Module) -> dict[str, tuple[int, int]]:
    """(trainable, frozen) numbers of each top-level module that has parameters."""
    counts: dict[str, tuple[int, int]] = {}
    for name, parameter in model.named_parameters():
        head = name.split('.')[0]
        trainable, frozen = counts.get(head, (0, 0))
        if parameter.requires_grad:
            counts[head] = (trainable + parameter.numel(), frozen)
        else:
            counts[head] = (trainable, frozen + parameter.numel())
    return counts


@HOOKS.register_module()
class ParameterReportHook(Hook):
    """Logs trainable and frozen parameters per top-level module before training.

    It also warns of trainable parameters that the optimiser does not hold.

    Shapes: none.
    """

    priority = 'LOWEST'

    def before_train(self, runner: Runner) -> None:
        """Log the table."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        counts = count_parameters(model)
        width = max(map(len, [*counts, 'module']))
        lines = [f'{"module":<{width}}  {"trainable":>12}  {"frozen":>12}']
        lines += [f'{name:<{width}}  {t:>12,}  {f:>12,}' for name, (t, f) in counts.items()]
        trainable = sum(t for t, _ in counts.values())
        frozen = sum(f for _, f in counts.values())
        lines.append(f'{"total":<{width}}  {trainable:>12,}  {frozen:>12,}')
        runner.logger.info('Parameters\n' + '\n'.join(lines))
        if not isinstance(runner.optim_wrapper, OptimWrapper):
            return
        groups = runner.optim_wrapper.optimizer.param_groups
        held = {id(parameter) for group in groups for parameter in group['params']}
        lost = [n for n, p in model.named_parameters() if p.requires_grad and id(p) not in held]
        if lost:
            runner.logger.warning(
                f'{len(lost)} trainable parameters are not in the optimiser, first: {lost[0]}'
            )
