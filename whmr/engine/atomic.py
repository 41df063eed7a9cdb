"""MMEngine's checkpoints written atomically."""

from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from whmr.fileio import write_bytes

ATOMIC_BACKEND = 'whmr_atomic'


@register_backend(ATOMIC_BACKEND, force=True)
class AtomicLocalBackend(LocalBackend):
    """MMEngine's local file backend with atomic writes (`backend_args=dict(backend=...)`)."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes atomically."""
        write_bytes(filepath, obj)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write text atomically."""
        write_bytes(filepath, obj.encode(encoding))
