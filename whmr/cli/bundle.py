"""Files that come with the package but are not of it: tools, configs, the light model's weights.

A wheel carries them in `whmr/.mim`, where OpenMMLab's packages have theirs; in a checkout they are
beside the package.
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
FOLDERS = ('checkpoints', 'configs')


def bundle_root() -> Path:
    """The folder that holds `tools/`, `configs/` and `checkpoints/`.

    Raises:
        FileNotFoundError: If the installation is not complete.
    """
    for root in (PACKAGE / '.mim', PACKAGE.parent):
        if (root / 'tools' / 'infer.py').is_file() and (root / 'configs').is_dir():
            return root
    raise FileNotFoundError(
        f'{PACKAGE / ".mim"}: the tools and configs of this installation are missing; '
        'install whmr again from its wheel or from a checkout'
    )


def find_argument(argument: str, root: Path) -> str:
    """A path of a config or checkpoint that is not here, as that of the bundled file.

    Args:
        argument: An argument of the command line: `configs/whmr/whmr_lite_stage1.py`, or an
            option with it, `--config=configs/whmr/whmr_lite_stage1.py`.
        root: See `bundle_root`.
    """
    option, equals, value = argument.partition('=')
    if equals and option.startswith('--'):
        return f'{option}={find_argument(value, root)}'
    path = Path(argument)
    if path.is_absolute() or path.parts[:1] not in {(name,) for name in FOLDERS} or path.exists():
        return argument
    bundled = root / path
    return str(bundled) if bundled.is_file() else argument
