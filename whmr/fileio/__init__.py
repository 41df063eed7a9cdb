"""Files: written atomically, read without running what is in them."""

from whmr.fileio.atomic import (
    atomic_path,
    remove_partial_files,
    write_bytes,
    write_files,
    write_text,
)
from whmr.fileio.pickled_torch import TORCH
from whmr.fileio.remote import file_exists, is_url, local_copy, read_file, user_cache_folder
from whmr.fileio.restricted_npz import load_npz
from whmr.fileio.restricted_pickle import (
    CHUMPY,
    NUMPY,
    PANDAS,
    SCIPY_SPARSE,
    UnsafePickleError,
    load_pickle,
    loads_pickle,
)
from whmr.fileio.stand_ins import ChumpyArray, Frame, SparseMatrix, StandIn, to_numpy
from whmr.fileio.tar_member import TarMember, read_tar_member, tar_member

__all__ = [
    'CHUMPY',
    'NUMPY',
    'PANDAS',
    'SCIPY_SPARSE',
    'TORCH',
    'ChumpyArray',
    'Frame',
    'SparseMatrix',
    'StandIn',
    'TarMember',
    'UnsafePickleError',
    'atomic_path',
    'file_exists',
    'is_url',
    'load_npz',
    'load_pickle',
    'loads_pickle',
    'local_copy',
    'read_file',
    'read_tar_member',
    'remove_partial_files',
    'tar_member',
    'to_numpy',
    'user_cache_folder',
    'write_bytes',
    'write_files',
    'write_text',
]
