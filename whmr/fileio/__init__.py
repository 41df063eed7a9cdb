"""Files: written atomically, read without running what is in them."""

from whmr.fileio.atomic import (
    atomic_path,
    remove_partial_files,
    write_bytes,
    write_files,
    write_text,
)

__all__ = ['atomic_path', 'remove_partial_files', 'write_bytes', 'write_files', 'write_text']
