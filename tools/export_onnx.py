"""Export a model as ONNX files, for programs that have no torch (see docs/deploy.md)."""

import argparse
import os
import sys
from collections.abc import Sequence

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

from mmengine import Config

from whmr.engine import ConfigError, cli, load_config, use_embedded
from whmr.exporting import TOLERANCE, ExportMismatchError, FileReport, export_onnx

EXAMPLES = """the folder gets
  model.onnx    crop -> body in camera space, body model included
  camera.onnx   whole photo -> field of view, pitch, roll      (models with a calibrator)
  orient.onnx   OrientCorrect: body and camera -> world        (models of world space)
  model.json    how photos are cropped and normalised; what the files need of each other
  faces.npy     the body's triangles

every file is compared with the model on batches of 1, 2 and 4 before it is kept; run them with
whmr.deploy.OnnxHMR, which needs numpy and onnxruntime alone

exit code: 0; 1 if a file computes something else than the model, or could not be written; 2 if the
command itself is wrong, or the model cannot be exported

examples:
  python tools/export_onnx.py configs/whmr/whmr_lite_stage3.py \\
      checkpoints/whmr_lite.safetensors onnx
  python tools/export_onnx.py CONFIG work_dirs/my_model onnx --torchscript
  python tools/export_onnx.py configs/whmr/whmr_vitpose_stage3.py none onnx --embedded
"""


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config of the model')
    parser.add_argument(
        'checkpoint',
        help='weights: a file, the folder of a training run, or `none` for random ones',
    )
    parser.add_argument('out', help='the folder to write')
    parser.add_argument(
        '--torchscript', action='store_true', help='write TorchScript files, too: model.pt, ...'
    )
    parser.add_argument('--no-timing', action='store_true', help='do not time the files')
    parser.add_argument(
        '--embedded',
        action='store_true',
        help='the bundled body instead of SMPL: to try a config whose body is not there',
    )
    parser.add_argument(
        '--debug', action='store_true', help='show where an error comes from, not just its message'
    )
    return parser


def read_config(args: argparse.Namespace) -> Config:
    """The config, with the bundled body if it is asked for."""
    cfg = load_config(args.config)
    if args.checkpoint == 'none':
        cfg.load_from = None
    return use_embedded(cfg)[0] if args.embedded else cfg


def describe(report: FileReport) -> str:
    """A few lines on one file."""
    lines = [f'{report.name}: {report.num_bytes / 1e6:.1f} MB; largest difference to PyTorch:']
    lines += [f'  {name:<22}{error:.1e}' for name, error in report.errors.items()]
    if report.batch:
        ratio = report.model_seconds / report.file_seconds
        lines.append(
            f'  processor time for {report.batch} rows: {1e3 * report.model_seconds:.0f} ms in '
            f'PyTorch, {1e3 * report.file_seconds:.0f} ms in ONNX Runtime: {ratio:.1f} times faster'
        )
    return '\n'.join(lines)


def export(args: argparse.Namespace) -> None:
    """Run as the arguments say.

    Raises:
        ConfigError: If an argument is wrong, or the model cannot be exported.
        OSError: If a file is not what it should be, or cannot be written.
    """
    cfg = read_config(args)
    checkpoint = None if args.checkpoint == 'none' else args.checkpoint
    try:
        with cli.building():
            reports = export_onnx(
                cfg, checkpoint, args.out, torchscript=args.torchscript, timing=not args.no_timing
            )
            for report in reports:
                print(describe(report), flush=True)
    except ExportMismatchError as error:
        raise OSError(str(error)) from error
    except (FileExistsError, NotADirectoryError) as error:
        raise ConfigError(f'{args.out}: there is a file in the way') from error
    print(f'all within {TOLERANCE:g}; written to {args.out}')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(export, build_parser().parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
