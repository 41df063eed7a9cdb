"""Results as files for Blender, game engines and web pages."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from whmr.apis.results_source import ResultsSource
from whmr.fileio import write_bytes, write_text
from whmr.visualization import encode_obj, person_color
from whmr.visualization.export import (
    INFLUENCES,
    SPACES,
    PersonMotion,
    SceneCamera,
    check_rate,
    check_space,
    encode_bvh,
    encode_glb,
    encode_ply,
    exact_meshes,
    person_motions,
    skinning_difference,
    strongest_weights,
)

KINDS = ('npz', 'glb', 'bvh', 'obj', 'ply')
DEFAULT_FPS = 30.0
MAX_MEASURED = 20  # frames of a person whose skinned mesh is compared with the exact one


@dataclass(frozen=True)
class ExportOptions:
    """What to write and how.

    Args:
        kinds: Out of `KINDS`.
        space: 'camera', 'world', or None for the world where it is known.
        fps: Frames per second; None takes the results' own, else 30.
        influences: Joints per vertex of a glb: 4 or 8.
        overwrite: Write also what is there already.

    Raises:
        ValueError: If a value is not allowed.
    """

    kinds: tuple[str, ...]
    space: str | None = None
    fps: float | None = None
    influences: int = 4
    overwrite: bool = False

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - set(KINDS))
        if unknown or not self.kinds:
            raise ValueError(f'kinds of files: {unknown} is none of {list(KINDS)}')
        if self.space not in (None, *SPACES):
            raise ValueError(f'space={self.space!r}: one of {list(SPACES)}')
        if self.influences not in INFLUENCES:
            raise ValueError(f'influences={self.influences}: one of {list(INFLUENCES)}')
        if self.fps is not None:
            check_rate(self.fps)


@dataclass(frozen=True)
class GlbLosses:
    """How far a glb is from the results, over up to 20 frames of each person.

    Vertices differ for want of pose correctives, for the weights that were dropped, and because a
    person has one shape in all frames; joints for the last reason alone.
    """

    mean_vertex_mm: float
    max_vertex_mm: float
    max_joint_mm: float
    dropped_weight: float  # largest share of a vertex's weights


@dataclass
class ExportReport:
    """What was written, what was there already, and what to know about it.

    `losses` say what a glb cannot hold; None if none was written.
    """

    space: str
    fps: float
    num_people: int = 0
    written: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    losses: GlbLosses | None = None


def export_results(
    source: ResultsSource, folder: str | Path, name: str, *, options: ExportOptions
) -> ExportReport:
    """Write results as other formats; each file is there whole or not at all.

    `NAME.npz` holds the whole shot, `NAME_SPACE.glb` all people and their camera,
    `NAME_PERSON_SPACE.bvh` one person; `NAME_FRAME_PERSON_SPACE.obj` and `.ply` are one mesh each
    (without `FRAME` for a single photo). Without people only the first is written. What an
    interrupted export with the same input files and options has written is kept: `NAME.export.json`
    says what they were. Results that come from no file are always written.

    Args:
        source: The results.
        folder: Where to; it is made if needed.
        name: How the files are called.
        options: What to write.

    Raises:
        OSError: If a file cannot be written.
        ValueError: If the world is asked for and not known.
    """
    table = source.table
    space = options.space or ('world' if table.has_world else 'camera')
    check_space(table, space)
    own = table.fps if np.isfinite(table.fps) else DEFAULT_FPS
    report = ExportReport(space, options.fps or own)
    folder = Path(folder)
    keep = bool(source.fingerprint) and not options.overwrite
    started = _start(folder / f'{name}.export.json', source, report, options)
    motions = person_motions(table, source.body_model, space=space)
    report.num_people = len(motions)
    for path, make in _files(source, folder, name, motions, report, options):
        if keep and path.is_file() and path.stat().st_mtime_ns >= started:
            report.kept.append(path)
            continue
        write_bytes(path, make())
        report.written.append(path)
    if folder / f'{name}_{space}.glb' in report.written:
        report.losses = _losses(source, motions, space, options.influences)
    return report


def _files(
    source: ResultsSource,
    folder: Path,
    name: str,
    motions: list[PersonMotion],
    report: ExportReport,
    options: ExportOptions,
) -> Iterator[tuple[Path, Callable[[], bytes]]]:
    """Each file that is wanted, and what makes its content."""
    table, space = source.table, report.space
    if 'npz' in options.kinds:
        yield folder / f'{name}.npz', table.to_bytes
    if 'glb' in options.kinds and motions:
        yield (
            folder / f'{name}_{space}.glb',
            lambda: encode_glb(
                motions,
                fps=report.fps,
                num_frames=table.num_frames,
                space=space,
                camera=SceneCamera.from_table(table, space=space),
                influences=options.influences,
            ),
        )
    if 'bvh' in options.kinds:
        for motion in motions:
            path = folder / f'{name}_{motion.name}_{space}.bvh'
            yield path, lambda motion=motion: encode_bvh(motion, fps=report.fps)
    for kind in ('obj', 'ply'):
        if kind in options.kinds:
            yield from _mesh_files(source, folder, name, motions, space, kind)


def _mesh_files(
    source: ResultsSource,
    folder: Path,
    name: str,
    motions: list[PersonMotion],
    space: str,
    kind: str,
) -> Iterator[tuple[Path, Callable[[], bytes]]]:
    table, faces = source.table, source.body_model.faces.cpu().numpy()
    people = {int(row): number for number, motion in enumerate(motions) for row in motion.rows}
    first_rows = np.searchsorted(table.frame, np.arange(table.num_frames))

    def mesh(row: int) -> bytes:
        frame = int(table.frame[row])
        vertices = source.frame_vertices(frame, space)
        if vertices is not None:
            vertices = vertices[row - first_rows[frame]][None]
        rows = np.array([row])
        placed = exact_meshes(table, source.body_model, rows, space=space, vertices=vertices)[0]
        if kind == 'obj':
            return encode_obj(placed, faces)
        return encode_ply(placed, faces, color=person_color(people[row]))

    for row, frame in enumerate(table.frame.tolist()):
        number = f'_{frame:06d}' if table.num_frames > 1 else ''
        person = motions[people[row]].name
        path = folder / f'{name}{number}_{person}_{space}.{kind}'
        yield path, lambda row=row: mesh(row)


def _losses(
    source: ResultsSource, motions: list[PersonMotion], space: str, influences: int
) -> GlbLosses:
    sums, count, vertex, joint = 0.0, 0, 0.0, 0.0
    for motion in motions:
        length = len(motion.rows)
        picked = np.unique(np.linspace(0, length - 1, min(length, MAX_MEASURED)).astype(int))
        exact = exact_meshes(source.table, source.body_model, motion.rows[picked], space=space)
        distance = skinning_difference(motion, exact, picked, influences=influences)
        sums, count = sums + float(distance.sum()), count + distance.size
        vertex = max(vertex, float(distance.max()))
        for index in picked.tolist():
            rest = source.table.rest_joints[motion.rows[index]].astype(np.float64)
            at = (motion.rotations[index : index + 1], motion.pelvis[index : index + 1])
            apart = replace(motion.rig, joints=rest).pose(*at)[1] - motion.rig.pose(*at)[1]
            joint = max(joint, float(np.linalg.norm(apart, axis=-1).max()))
    dropped = strongest_weights(motions[0].rig.weights, influences).residual
    return GlbLosses(1000 * sums / count, 1000 * vertex, 1000 * joint, dropped)


def _start(path: Path, source: ResultsSource, report: ExportReport, options: ExportOptions) -> int:
    """When an export of exactly this began (ns); it begins now if the last one was of another."""
    settings = {
        'results': source.fingerprint,
        'fps': report.fps,
        'influences': options.influences,
        'meshes': source.table.vertices is not None,
    }
    text = json.dumps(settings, indent=1, sort_keys=True)
    if not path.is_file() or path.read_text(encoding='utf-8') != text:
        write_text(path, text)
    return path.stat().st_mtime_ns
