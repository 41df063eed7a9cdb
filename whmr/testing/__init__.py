"""Small, exact samples for our tests and for authors of plug-ins."""

from whmr.testing.clips import clip_results
from whmr.testing.samples import (
    TinyDataset,
    tiny_annotation_file,
    tiny_batch,
    tiny_columns,
    tiny_photo,
    tiny_pipeline,
    tiny_rows,
)

__all__ = [
    'TinyDataset',
    'clip_results',
    'tiny_annotation_file',
    'tiny_batch',
    'tiny_columns',
    'tiny_photo',
    'tiny_pipeline',
    'tiny_rows',
]
