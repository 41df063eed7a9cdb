"""Foreign checkpoints: read safely, converted by one exact table of keys per source."""

from whmr.checkpoints.errors import CheckpointError
from whmr.checkpoints.key_map import (
    Conversion,
    Drop,
    Entry,
    KeyMap,
    KeyMismatchError,
    KeyProblems,
    Source,
)
from whmr.checkpoints.reading import SAFETENSORS_NOTE, read_foreign, read_safetensors, read_torch
from whmr.checkpoints.sources import SOURCES, convert_checkpoint

__all__ = [
    'SAFETENSORS_NOTE',
    'SOURCES',
    'CheckpointError',
    'Conversion',
    'Drop',
    'Entry',
    'KeyMap',
    'KeyMismatchError',
    'KeyProblems',
    'Source',
    'convert_checkpoint',
    'read_foreign',
    'read_safetensors',
    'read_torch',
]
