"""The annotation format, data sets and their mixtures, and the transforms."""

from whmr.datasets import transforms
from whmr.datasets.annotations import load_annotations, save_annotations
from whmr.datasets.cached_features import CachedFeatures
from whmr.datasets.catalog import (
    CATALOG,
    AnnotationFile,
    DatasetInfo,
    check_available,
    require_available,
)
from whmr.datasets.errors import BadSampleError
from whmr.datasets.feature_cache import FeatureCache, FeatureCacheError
from whmr.datasets.hmr_dataset import HMRDataset
from whmr.datasets.mixture import MixtureDataset
from whmr.datasets.panorama_views import PanoramaViews
from whmr.datasets.shards import index_shards, pack_shards
from whmr.datasets.synthetic import SyntheticWorld

__all__ = [
    'CATALOG',
    'AnnotationFile',
    'BadSampleError',
    'CachedFeatures',
    'DatasetInfo',
    'FeatureCache',
    'FeatureCacheError',
    'HMRDataset',
    'MixtureDataset',
    'PanoramaViews',
    'SyntheticWorld',
    'check_available',
    'index_shards',
    'load_annotations',
    'pack_shards',
    'require_available',
    'save_annotations',
    'transforms',
]
