"""Checkpoint files read without running anything that they name."""

import json
import pickle
import re
import tarfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.serialization import safe_globals

from whmr.checkpoints.errors import CheckpointError

SAFETENSORS_NOTE = 'whmr'  # key of a safetensors file's own header; its text is JSON
# Keys under which trainers keep a network's state dict.
STATE_DICT_KEYS = ('state_dict', 'model', 'model_state_dict', 'network', 'net')
# What trainers put beside the weights. Nothing of it is used: stand-ins take its place.
_BESIDE_WEIGHTS = re.compile(
    r'(pytorch_lightning|lightning|lightning_fabric|yacs|omegaconf|easydict|addict|mmcv|mmengine'
    r'|argparse|pathlib|datetime|typing)\..+'
    r'|numpy\.(dtype|ndarray)|numpy\.dtypes\.\w+'
    r'|numpy\.(core|_core)\.(multiarray\.(scalar|_reconstruct)|numeric\._frombuffer)'
    r'|_codecs\.encode|collections\.(defaultdict|deque)|builtins\.(int|float|bool|str|list|dict)'
)


def read_safetensors(path: Path, map_location: str | torch.device = 'cpu') -> dict[str, Any]:
    """Tensors (`state_dict`) and our note (`meta`) of a safetensors file.

    Raises:
        CheckpointError: The file is damaged, or the safetensors package is not there.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise CheckpointError(
            f'{path} needs the safetensors package: pip install safetensors'
        ) from None
    try:
        with safe_open(path, framework='pt', device=str(map_location)) as file:
            note = (file.metadata() or {}).get(SAFETENSORS_NOTE, '{}')
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        return {'state_dict': weights, 'meta': json.loads(note)}
    except (SafetensorError, ValueError, OSError) as error:
        raise CheckpointError(f'{path} is damaged or no safetensors file: {error}') from None


def read_torch(
    path: Path, map_location: str | torch.device = 'cpu', *, stand_ins: bool = False
) -> Any:
    """The content of a file that torch wrote.

    Args:
        path: The file.
        map_location: The device that the tensors go to.
        stand_ins: Put an empty object where the file names a class that trainers keep beside the
            weights (Lightning's, configs', numpy's), instead of refusing the file.

    Raises:
        CheckpointError: The file is damaged, or names a Python object that is not known to be
            harmless. Nothing of it was run.
    """
    damaged = f'{path} is damaged, cut off, or no checkpoint ({path.stat().st_size} bytes)'
    known: dict[str, Any] = {}
    while True:
        try:
            with safe_globals([(stand_in, name) for name, stand_in in known.items()]):
                return torch.load(path, map_location=map_location, weights_only=True)
        except (OSError, MemoryError):
            raise
        except pickle.UnpicklingError as error:
            name = _refused(str(error))
            if name is None:
                raise CheckpointError(damaged) from None
            if not stand_ins or not _stand_in(name, known):
                raise CheckpointError(
                    f'{path} was refused: beside tensors it holds the Python object {name}, and '
                    'loading it could run foreign code; ask its author for a file of weights only'
                ) from None
        except Exception:  # torch raises many kinds for a broken file
            if tarfile.is_tarfile(path):
                raise CheckpointError(
                    f"{path} is in torch's tar format of before 2017, which cannot be read safely: "
                    'ask its author for a newer file'
                ) from None
            raise CheckpointError(damaged) from None


def read_foreign(path: str | Path) -> dict[str, Tensor]:
    """The state dict in another project's checkpoint file.

    Args:
        path: A file that torch wrote, of any suffix, or a .safetensors file.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: The file is damaged or unsafe, or holds no state dict.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'the checkpoint {path} does not exist')
    if path.suffix == '.safetensors':
        return read_safetensors(path)['state_dict']
    return find_state_dict(read_torch(path, stand_ins=True), str(path))


def find_state_dict(content: Any, what: str) -> dict[str, Tensor]:
    """The state dict in what a file holds: all of it, or an entry that trainers use.

    Args:
        content: What the file holds.
        what: Its name, for messages.

    Raises:
        CheckpointError: There is no state dict, or it holds something that is no tensor.
    """
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(f'{what} is no checkpoint: it holds a {type(content).__name__}')
    found = [content[key] for key in STATE_DICT_KEYS if isinstance(content.get(key), Mapping)]
    if not found and not any(isinstance(value, Tensor) for value in content.values()):
        raise CheckpointError(
            f'{what} holds no state dict under {", ".join(STATE_DICT_KEYS)}; its keys: '
            f'{", ".join(map(str, list(content)[:8]))}'
        )
    weights = found[0] if found else content
    for key, value in weights.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise CheckpointError(
                f'{what}: the entry {key!r} of the state dict is no tensor: {type(value).__name__}'
            )
    return dict(weights)


def _refused(message: str) -> str | None:
    """The class that torch's message speaks of."""
    found = re.search(r"(?:GLOBAL |Unsupported class |but got <class ')([\w.]+)", message)
    if found is None:
        return None
    name = found.group(1)
    return name if '.' in name else f'builtins.{name}'  # torch leaves that module out


def _stand_in(name: str, known: dict[str, Any]) -> bool:
    """Add a stand-in for `name`; False where there is none.

    torch fills nothing but true dictionaries, so what turns out to be filled becomes one.
    """
    if not _BESIDE_WEIGHTS.fullmatch(name) or known.get(name) is _Filled:
        return False
    module, _, last = name.rpartition('.')
    known[name] = _Filled if name in known else type(last, (_Empty,), {'__module__': module})
    return True


class _Empty(list):
    """Takes whatever a pickle gives it and keeps no attribute."""

    def __new__(cls, *args: Any) -> '_Empty':
        return super().__new__(cls)

    def __init__(self, *args: Any) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        """Keep nothing."""

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)


class _Filled:
    """Stand-in of a kind of dictionary: its objects are ordered dictionaries."""

    def __new__(cls, *args: Any) -> OrderedDict:
        return OrderedDict()
