"""Makes sure that cached features belong to the model that trains on them."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from whmr.engine.errors import ConfigError
from whmr.engine.trunk_hash import trunk_hash
from whmr.registry import HOOKS


@HOOKS.register_module()
class FeatureCacheHook(Hook):
    """Before training, compares the frozen weights with those that the cache was made with.

    A checkpoint that is resumed or loaded may hold others.

    Args:
        trunk_weights: Hash of the cache's.
    """

    def __init__(self, trunk_weights: str) -> None:
        self.trunk_weights = trunk_weights

    def before_train(self, runner: Runner) -> None:
        """Compare.

        Raises:
            ConfigError: The weights differ.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if trunk_hash(model) != self.trunk_weights:
            raise ConfigError(
                'the feature cache was made by another checkpoint: the frozen weights of this run '
                'are not those that it was made with; leave --feature-cache out, or start from the '
                "config's weights"
            )
