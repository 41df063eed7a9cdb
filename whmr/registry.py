"""All registries, named after the folder they build from and the config field they fill."""

from typing import Any

from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import LOG_PROCESSORS as MMENGINE_LOG_PROCESSORS
from mmengine.registry import LOOPS as MMENGINE_LOOPS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODEL_WRAPPERS as MMENGINE_MODEL_WRAPPERS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import (
    OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS,
)
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS
from mmengine.registry import OPTIMIZERS as MMENGINE_OPTIMIZERS
from mmengine.registry import PARAM_SCHEDULERS as MMENGINE_PARAM_SCHEDULERS
from mmengine.registry import RUNNERS as MMENGINE_RUNNERS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import VISBACKENDS as MMENGINE_VISBACKENDS
from mmengine.registry import VISUALIZERS as MMENGINE_VISUALIZERS
from mmengine.registry import WEIGHT_INITIALIZERS as MMENGINE_WEIGHT_INITIALIZERS
from mmengine.registry import Registry

SCOPE = 'whmr'


def _child(parent: Registry, name: str, *locations: str) -> Registry:
    """A registry that MMEngine's Runner reaches through its own root registry."""
    places = [f'whmr.{location}' for location in locations]
    return Registry(name, parent=parent, scope=SCOPE, locations=places)


def _own(name: str, location: str) -> Registry:
    """A registry that only this library builds from."""
    return Registry(name, scope=SCOPE, locations=[f'whmr.{location}'])


# What the Runner builds.
MODELS = _child(MMENGINE_MODELS, 'model', 'models')  # estimators and data preprocessors
DATASETS = _child(MMENGINE_DATASETS, 'dataset', 'datasets', 'engine')
DATA_SAMPLERS = _child(MMENGINE_DATA_SAMPLERS, 'data sampler', 'engine')
TRANSFORMS = _child(MMENGINE_TRANSFORMS, 'transform', 'datasets.transforms')
METRICS = _child(MMENGINE_METRICS, 'metric', 'evaluation')
HOOKS = _child(MMENGINE_HOOKS, 'hook', 'engine')
MODEL_WRAPPERS = _child(MMENGINE_MODEL_WRAPPERS, 'model_wrapper', 'engine')
OPTIM_WRAPPERS = _child(MMENGINE_OPTIM_WRAPPERS, 'optim_wrapper', 'engine')
WEIGHT_INITIALIZERS = _child(MMENGINE_WEIGHT_INITIALIZERS, 'weight initializer', 'engine')
LOOPS = _child(MMENGINE_LOOPS, 'loop', 'engine')
LOG_PROCESSORS = _child(MMENGINE_LOG_PROCESSORS, 'log processor', 'engine')
OPTIMIZERS = _child(MMENGINE_OPTIMIZERS, 'optimizer', 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(
    MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS, 'optimizer wrapper constructor', 'engine'
)
PARAM_SCHEDULERS = _child(MMENGINE_PARAM_SCHEDULERS, 'parameter scheduler', 'engine')
RUNNERS = _child(MMENGINE_RUNNERS, 'runner', 'engine')
VISBACKENDS = _child(MMENGINE_VISBACKENDS, 'vis_backend', 'visualization')
VISUALIZERS = _child(MMENGINE_VISUALIZERS, 'visualizer', 'visualization')

# What an estimator is made of: one registry per folder of `whmr/models/`.
BACKBONES = _own('backbone', 'models.backbones')
NECKS = _own('neck', 'models.necks')
EXTRACTORS = _own('extractor', 'models.extractors')
HEADS = _own('head', 'models.heads')
CAMERAS = _own('camera', 'models.cameras')
ORIENTATIONS = _own('orientation', 'models.orientation')
LOSSES = _own('loss', 'models.losses')

# What stands beside the model.
BODY_MODELS = _own('body_model', 'body_models')
DETECTORS = _own('detector', 'apis')
TRACKERS = _own('tracker', 'tracking')
SMOOTHERS = _own('smoother', 'tracking')


def build_child(registry: Registry, child: Any) -> Any:
    """Build `child` from its config, or hand it back if it is built already.

    Args:
        registry: Where a config's `type` is looked up.
        child: A config dict, a built object, or None (an absent, optional child).
    """
    return registry.build(child) if isinstance(child, dict) else child
