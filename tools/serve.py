"""Serve a web page: upload a photo, and its people come back in 3D."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

from whmr.apis import HMRInferencer
from whmr.apis.serve import LOOPBACK, serve
from whmr.engine import ConfigError, cli

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'configs' / 'whmr' / 'whmr_lite_stage3.py'
CHECKPOINT = ROOT / 'checkpoints' / 'whmr_lite.safetensors'
EXAMPLES = """the page listens on this machine alone, loads nothing from elsewhere, and keeps its
files in one temporary folder, which is removed at the end (docs/web.md); stop it with Ctrl+C

exit code: 0; 2 if the command itself is wrong

examples:
  python tools/serve.py
  python tools/serve.py --host 0.0.0.0 --port 8080    # whoever reaches this machine can upload
"""


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--config', default=str(CONFIG), help='config of the model (default: the lite model)'
    )
    parser.add_argument(
        '--checkpoint',
        metavar='FILE',
        help='weights (default: the bundled weights of the lite model; for another --config its '
        'load_from)',
    )
    parser.add_argument(
        '--device', default='auto', help='auto, cpu, cuda, cuda:1 ... (default: auto)'
    )
    parser.add_argument(
        '--host', default=LOOPBACK, help=f'where to listen (default: {LOOPBACK}, this machine)'
    )
    parser.add_argument(
        '--port', type=int, metavar='N', help='at which port (default: the first free from 7860)'
    )
    parser.add_argument(
        '--max-megabytes', type=float, default=20, metavar='N', help='refuse larger files (20)'
    )
    parser.add_argument(
        '--max-megapixels', type=float, default=50, metavar='N', help='refuse larger photos (50)'
    )
    parser.add_argument(
        '--debug', action='store_true', help='show where an error comes from, not just its message'
    )
    return parser


def run(args: argparse.Namespace) -> None:
    """Run as the arguments say, until the user interrupts.

    Raises:
        ConfigError: If an argument is wrong.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # its files are removed then, too
    with cli.building():
        inferencer = HMRInferencer(
            args.config,
            args.checkpoint or (CHECKPOINT if Path(args.config).resolve() == CONFIG else None),
            device=args.device,
        )
    try:
        serve(
            inferencer,
            host=args.host,
            port=args.port,
            max_megabytes=args.max_megabytes,
            max_megapixels=args.max_megapixels,
            ready=lambda url: print(f'open {url}', flush=True),
        )
    except (ImportError, OSError, ValueError) as error:
        raise ConfigError(str(error)) from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(run, build_parser().parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
