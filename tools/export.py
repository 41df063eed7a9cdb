"""Turn results into files for Blender, game engines and web pages: glb, bvh, ply, obj, npz."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

from whmr.apis import (
    EXPORT_KINDS,
    ExportOptions,
    ExportReport,
    Failure,
    export_results,
    find_results,
    read_results,
)
from whmr.apis.body_options import add_body_options, read_body_options
from whmr.engine import ConfigError, cli

EXAMPLES = """files (SPACE is camera or world; metres, y up; see docs/export.md)
  NAME.npz                       the whole shot: parameters, joints, camera (docs/results_format.md)
  NAME_SPACE.glb                 all people, skinned and animated, and their camera
  NAME_PERSON_SPACE.bvh          the movement of one person
  NAME_FRAME_PERSON_SPACE.obj    one mesh per person and frame; .ply is coloured

a second call with the same input and options goes on where an interrupted one stopped

exit code: 0; 1 if a result could not be used (they are listed, the others are done) or a file could
not be written; 2 if the command itself is wrong

examples:
  python tools/export.py outputs/clip --to glb bvh --out exports
  python tools/export.py outputs/clip/results.npz --to bvh --out exports --fps 25
  python tools/export.py outputs/photos/park.npz --to glb obj --out exports --frame camera
  python tools/export.py outputs/photos --separate --to glb --out exports
"""


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'results',
        nargs='+',
        metavar='RESULTS',
        help='what tools/infer.py wrote: a folder (its photos are the frames of one shot, by '
        'name), the .npz files of photos, or one results.npz',
    )
    parser.add_argument(
        '--to', nargs='+', required=True, choices=EXPORT_KINDS, help='kinds of files'
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='where files are written')
    parser.add_argument(
        '--frame',
        choices=('camera', 'world'),
        help='axes: of the camera, or of the gravity-aligned world (default: world if it is known)',
    )
    parser.add_argument(
        '--fps', type=float, metavar='N', help="frames per second (default: the video's, else 30)"
    )
    parser.add_argument(
        '--separate', action='store_true', help='each file is a photo of its own, not a frame'
    )
    parser.add_argument('--name', help='how the files are called (default: as the input)')
    parser.add_argument(
        '--with-meshes',
        action='store_true',
        help='npz: keep the vertices too (160 KB per person and frame, all in memory)',
    )
    parser.add_argument(
        '--influences',
        type=int,
        choices=(4, 8),
        default=4,
        help='glb: joints per vertex; 4 is read everywhere, 8 is exact (default: 4)',
    )
    add_body_options(parser)
    parser.add_argument(
        '--overwrite', action='store_true', help='write also what an earlier call has finished'
    )
    parser.add_argument(
        '--debug', action='store_true', help='show where an error comes from, not just its message'
    )
    return parser


def export(args: argparse.Namespace) -> list[Failure]:
    """Run as the arguments say; returns what could not be exported.

    Raises:
        ConfigError: If an argument is wrong, or nothing can be exported.
    """
    try:
        options = ExportOptions(
            kinds=tuple(dict.fromkeys(args.to)),
            space=args.frame,
            fps=args.fps,
            influences=args.influences,
            overwrite=args.overwrite,
        )
        files = find_results(args.results)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    if args.separate and args.name and len(files) > 1:
        raise ConfigError('--name names one export; with --separate files are called as the input')
    shots = [[path] for path in files] if args.separate else [files]
    failures: list[Failure] = []
    for shot in shots:
        whole = len(shot) > 1 or shot[0].name == 'results.npz'
        name = args.name or (shot[0].resolve().parent.name if whole else shot[0].stem)
        try:
            failures += export_shot(shot, name, args, options)
        except ValueError as error:
            if not args.separate:
                hint = ' (--separate exports each by itself)' if len(files) > 1 else ''
                raise ConfigError(f'{error}{hint}') from error
            failures.append(Failure(str(shot[0]), str(error)))
    return failures


def export_shot(
    files: Sequence[Path], name: str, args: argparse.Namespace, options: ExportOptions
) -> list[Failure]:
    """Export one shot and say what was done; returns the files that could not be read."""
    body = read_body_options(args)
    source = read_results(files, fps=args.fps, body_options=body, meshes=args.with_meshes)
    report = export_results(source, args.out, name, options=options)
    print(describe(report, name))
    return source.failures


def describe(report: ExportReport, name: str) -> str:
    """A few lines on what was written."""
    lines = [
        f'{name}: {report.num_people} people, {report.space} space, {report.fps:g} frames per '
        f'second: {len(report.written)} files written, {len(report.kept)} were there already'
    ]
    if report.losses is not None:
        loss = report.losses
        lines.append(
            f'  glb against the exact results: vertices {loss.mean_vertex_mm:.1f} mm in the mean, '
            f'{loss.max_vertex_mm:.1f} at most (no pose correctives); joints '
            f'{loss.max_joint_mm:.2f} mm at most (one shape per person); skinning weights dropped: '
            f'{loss.dropped_weight:.3f} at most'
        )
    return '\n'.join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    args = build_parser().parse_args(argv)
    failures: list[Failure] = []
    code = cli.run_tool(lambda given: failures.extend(export(given)), args)
    for failure in failures:
        print(f'not exported: {failure.name}: {failure.reason}')
    if code == 0:
        print(f'written to {args.out}')
    return cli.RUN_FAILED if failures else code


if __name__ == '__main__':
    sys.exit(main())
