"""The synthetic world: rendered people with exact labels, made where they are needed."""

from whmr.datasets.synthetic.cache import SyntheticWorldCache
from whmr.datasets.synthetic.generate import generate_images
from whmr.datasets.synthetic.generator import SyntheticImage, SyntheticWorldGenerator
from whmr.datasets.synthetic.settings import GENERATOR_VERSION, SyntheticWorldSettings
from whmr.datasets.synthetic.splits import CALIBRATOR_PANORAMAS, SPLITS, SplitSource
from whmr.datasets.synthetic.synthetic_world import SyntheticWorld
from whmr.datasets.synthetic.table import SyntheticWorldTable

__all__ = [
    'CALIBRATOR_PANORAMAS',
    'GENERATOR_VERSION',
    'SPLITS',
    'SplitSource',
    'SyntheticImage',
    'SyntheticWorld',
    'SyntheticWorldCache',
    'SyntheticWorldGenerator',
    'SyntheticWorldSettings',
    'SyntheticWorldTable',
    'generate_images',
]
