"""One table and one report of all that a run, or its processes, have written."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from whmr.apis.digest import digest
from whmr.apis.gather import gather_results
from whmr.apis.hmr_result import HMRResult
from whmr.apis.report import Failure, InferenceReport
from whmr.apis.results_source import build_body
from whmr.apis.run_folder import SETTINGS, read_settings
from whmr.apis.run_items import RunItem, finished_items, read_items
from whmr.body_models import BodyModel
from whmr.fileio import write_bytes, write_text

TABLE = 'results.npz'
REPORT = 'report.json'


def merge_runs(
    folders: Sequence[str | Path],
    out_dir: str | Path | None = None,
    *,
    body_model: BodyModel | None = None,
    body_options: dict[str, Any] | None = None,
) -> InferenceReport:
    """Write `results.npz` and `report.json` of all photos that are finished.

    Photos come by the names of their files; a video is one shot with one camera, a photo is a shot
    of its own. Of several folders (of machines that share no disk) a photo counts once. Nothing is
    taken from an interrupted process but what it had finished.

    Args:
        folders: Folders of one run, as `HMRInferencer` wrote them.
        out_dir: Where to; None is the first folder.
        body_model: The body that the results are of; None builds it by their topology.
        body_options: Arguments of the body model to build, such as SMPL's `model_path`.

    Raises:
        FileNotFoundError: If a folder is not one of a run, or a body model's file is missing.
        OSError: If a file cannot be written.
        ValueError: If the folders are of runs with different settings.
    """
    paths = [Path(folder) for folder in folders]
    settings = _common_settings(paths)
    items: list[RunItem] = []
    done: dict[tuple[str, str], tuple[RunItem, Path]] = {}  # by stem and name
    for path in paths:
        found = [item for item in read_items(path) if item.settings == settings]
        items += found
        for stem, item in finished_items(found, settings).items():
            if (path / f'{stem}.npz').is_file():
                done[stem, item.name] = (item, path / f'{stem}.npz')
    report = InferenceReport(failures=_failures(items, {item.name for item, _ in done.values()}))
    shots: list[str] = []
    rates: set[float | None] = set()

    def records() -> Iterator[HMRResult]:
        for _, (item, file) in sorted(done.items()):
            try:
                result = HMRResult.load(file, meshes=False)
            except (OSError, ValueError) as error:
                report.failures.append(Failure(item.name, str(error)))
                continue
            report.add(result)
            shots.append(item.name if item.video is None else item.video)
            rates.add(item.fps)
            yield result

    target = paths[0] if out_dir is None else Path(out_dir)
    reader = records()
    first = next(reader, None)
    if first is not None:
        body = body_model or build_body(first.topology, first.betas, body_options)
        table = gather_results(chain([first], reader), body, shots=shots)
        if len(rates) == 1 and None not in rates and len(set(shots)) == 1:
            table = replace(table, fps=rates.pop())
        write_bytes(target / TABLE, table.to_bytes())
    write_text(target / REPORT, report.to_json())
    return report


def _common_settings(paths: Sequence[Path]) -> str:
    """Digest of the settings of all folders."""
    found = {}
    for path in paths:
        settings = read_settings(path)
        if settings is None:
            raise FileNotFoundError(f'{path}: no {SETTINGS}: not a folder of a run of inference')
        found[digest(settings)] = path
    if len(found) > 1:
        names = ', '.join(map(str, found.values()))
        raise ValueError(f'runs with different settings cannot be merged: {names}')
    return next(iter(found))


def _failures(items: Sequence[RunItem], done: set[str]) -> list[Failure]:
    """The last word on each photo: problems of those that are done, and of those never done."""
    last = {item.name: item for item in items if item.done == (item.name in done)}
    return [Failure(name, problem) for name, item in last.items() for problem in item.problems]
