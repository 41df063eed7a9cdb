"""Files that are there whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_files(contents: dict[Path, bytes]) -> None:
    """Write several files; none gets its name before all of them are whole.

    Args:
        contents: Path to what is written there; the folders must exist.

    Raises:
        OSError: If one cannot be written; no temporary file is left.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for path, content in contents.items():
            descriptor, name = tempfile.mkstemp(prefix='.', suffix='.part', dir=path.parent)
            staged.append((Path(name), path))
            with os.fdopen(descriptor, 'wb') as file:
                file.write(content)
            os.chmod(name, 0o644)
        for temporary, path in staged:
            os.replace(temporary, path)
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)
