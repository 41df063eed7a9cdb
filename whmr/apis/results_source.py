"""Results on disk, however they came about: one table, or a file per photo."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from whmr.apis.gather import gather_results
from whmr.apis.hmr_result import HMRResult
from whmr.apis.report import Failure
from whmr.body_models import BodyModel
from whmr.body_models.free_body import TOPOLOGY as FREE_BODY
from whmr.body_models.smpl import TOPOLOGY as SMPL
from whmr.registry import BODY_MODELS
from whmr.visualization.export import ResultsTable

BODY_TYPES = {FREE_BODY: 'FreeBody', SMPL: 'SMPL'}


@dataclass
class ResultsSource:
    """The people of one shot, and the body that they are of.

    `photos` are the files of the single frames, one per frame, where the results came from such;
    they are read again for their meshes. `fingerprint` tells these results from others. `failures`
    are files that could not be read: their frames are left out.
    """

    table: ResultsTable
    body_model: BodyModel
    photos: list[Path] = field(default_factory=list)
    fingerprint: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def frame_vertices(self, frame: int, space: str) -> np.ndarray | None:
        """The vertices of a frame's people as the model gave them; None if they were not kept.

        Shapes: returns (N, V, 3) m, camera or world axes, no translation.

        Raises:
            ValueError: If the photo's file cannot be read any more.
        """
        if not self.photos:
            return None
        photo = HMRResult.load(self.photos[frame])
        return photo.vertices_world if space == 'world' else photo.vertices


def find_results(inputs: Sequence[str | Path]) -> list[Path]:
    """The result files of files and folders: a folder's own `.npz` files, sorted by name.

    In a folder, a file of the whole shot (`results.npz`) is left out where it was made of the
    others; a video in which people were followed has nothing else.

    Raises:
        FileNotFoundError: If an input does not exist, or a folder has no results.
    """
    found: list[Path] = []
    for entry in map(Path, inputs):
        if not entry.is_dir():
            if not entry.is_file():
                raise FileNotFoundError(f'{entry}: there is no such file or folder')
            found.append(entry)
            continue
        inside = [path for path in sorted(entry.glob('*.npz')) if not _is_table(path)]
        if not inside and _is_table(entry / 'results.npz'):
            inside = [entry / 'results.npz']
        if not inside:
            raise FileNotFoundError(
                f'{entry}: no .npz file of a photo in this folder, and no results.npz '
                '(tools/infer.py --out writes them)'
            )
        found += inside
    return found


def read_results(
    files: Sequence[Path],
    *,
    fps: float | None = None,
    body_options: dict[str, Any] | None = None,
    meshes: bool = False,
) -> ResultsSource:
    """Read a table, or gather the files of photos as the frames of one shot.

    Args:
        files: One `results.npz`, or the files of photos in order.
        fps: Frames per second; None takes those of the table, or of the `results.npz` beside the
            gathered files.
        body_options: Arguments of the body model, such as SMPL's `model_path` and `gender`.
        meshes: Keep the vertices of gathered files in the table.

    Raises:
        FileNotFoundError: If a file of the body model is missing.
        ValueError: If no file can be read, or they are not of one shot and one body.
    """
    marks = [_mark(path) for path in files]
    if len(files) == 1 and _is_table(files[0]):
        table = ResultsTable.load(files[0])
        table = table if fps is None else replace(table, fps=float(fps))
        body = build_body(table.topology, table.betas, body_options)
        return ResultsSource(table, body, fingerprint=marks)
    good: list[Path] = []
    failures: list[Failure] = []

    def records() -> Iterator[HMRResult]:
        yield first
        yield from _readable(rest, good, failures, meshes)

    rest = iter(files)
    first = next(_readable(rest, good, failures, meshes), None)
    if first is None:
        raise ValueError(f'none of the {len(files)} files is a result: {failures[0].reason}')
    body = build_body(first.topology, first.betas, body_options)
    table = gather_results(records(), body, fps=fps or _fps_beside(files[0]), meshes=meshes)
    return ResultsSource(table, body, good, marks, failures)


def _readable(
    files: Iterator[Path], good: list[Path], failures: list[Failure], meshes: bool
) -> Iterator[HMRResult]:
    """The records that can be read; notes which, and why the others cannot."""
    for path in files:
        try:
            record = HMRResult.load(path, meshes=meshes)
        except (OSError, ValueError) as error:
            failures.append(Failure(str(path), str(error)))
            continue
        good.append(path)
        yield record


def _fps_beside(file: Path) -> float | None:
    """The frames per second of the table that the inferencer has made of a photo's file."""
    try:
        with np.load(file.parent / 'results.npz', allow_pickle=False) as table:
            fps = float(table['fps'])
    except (OSError, ValueError, KeyError, BadZipFile):
        return None
    return fps if np.isfinite(fps) else None


def _mark(path: Path) -> str:
    state = path.stat()
    return f'{path.resolve()} {state.st_size} {state.st_mtime_ns}'


def _is_table(path: Path) -> bool:
    try:
        with np.load(path, allow_pickle=False) as file:
            return 'format_version' in file.files
    except Exception:  # whatever is wrong with it is said when it is read
        return False


def build_body(topology: str, betas: np.ndarray, options: dict[str, Any] | None) -> BodyModel:
    """The body that results are of.

    Args:
        topology: Its topology.
        betas: Of any of the results.
        options: Arguments of the body model, if it needs the user's files.

    Shapes: betas: (N, S).

    Raises:
        FileNotFoundError: If a file of the body model is missing.
        ValueError: If no body of this topology is known.
    """
    if topology not in BODY_TYPES:
        raise ValueError(f'topology {topology!r}: the bodies known here are {sorted(BODY_TYPES)}')
    given = options if topology == SMPL and options else {}
    return BODY_MODELS.build(
        dict(type=BODY_TYPES[topology], num_betas=int(betas.shape[1]), **given)
    )
