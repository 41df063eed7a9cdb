"""The annotation format, data sets and their mixtures, and the transforms."""

from whmr.datasets import transforms
from whmr.datasets.annotations import load_annotations, save_annotations
from whmr.datasets.catalog import CATALOG, DatasetInfo, check_available, require_available
from whmr.datasets.errors import BadSampleError
from whmr.datasets.hmr_dataset import HMRDataset
from whmr.datasets.mixture import MixtureDataset
from whmr.datasets.synthetic import SyntheticWorld

__all__ = [
    'CATALOG',
    'BadSampleError',
    'DatasetInfo',
    'HMRDataset',
    'MixtureDataset',
    'SyntheticWorld',
    'check_available',
    'load_annotations',
    'require_available',
    'save_annotations',
    'transforms',
]
