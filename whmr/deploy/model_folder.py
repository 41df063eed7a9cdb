"""The folder that `whmr export-onnx` writes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DESCRIPTION = 'model.json'
FORMAT = 'whmr-onnx'
FORMAT_VERSION = 1


@dataclass(frozen=True)
class ModelFolder:
    """What the description of an exported model says.

    `photo` is empty where no whole photo is read. `rotation_source`: `predicted` by the calibrator,
    `none` for identity, None for a model that knows no world. `orientation_inputs`: input of
    `orient.onnx` -> output of `model.onnx`.

    Shapes: faces: (F, 3) int32.  mean, std: (3,) 0..255.
    """

    path: Path
    topology: str
    num_vertices: int
    num_betas: int
    joint_names: tuple[str, ...]
    crop: dict[str, Any]
    photo: dict[str, Any]
    pixels: dict[str, Any]
    rotation_source: str | None
    orientation_inputs: dict[str, str]
    faces: np.ndarray

    @classmethod
    def read(cls, path: str | Path) -> 'ModelFolder':
        """Read the description.

        Args:
            path: The folder.

        Raises:
            FileNotFoundError: If it is no such folder, or a file of it is missing.
            ValueError: If the description is damaged or of another version.
        """
        path = Path(path)
        described = path / DESCRIPTION
        if not described.is_file():
            raise FileNotFoundError(
                f'{path}: no folder of an exported model (it has no {DESCRIPTION}); '
                'make one with `whmr export-onnx`'
            )
        try:
            values = json.loads(described.read_text(encoding='utf-8'))
            version = values.pop('format'), values.pop('format_version')
            if version != (FORMAT, FORMAT_VERSION):
                raise ValueError(f'format {version}, this library reads {FORMAT, FORMAT_VERSION}')
            del values['whmr_version']
            values['joint_names'] = tuple(values['joint_names'])
            folder = cls(path, faces=np.load(path / 'faces.npy', allow_pickle=False), **values)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f'{described}: damaged or of another version ({error})') from error
        missing = [name for name in folder.files if not (path / name).is_file()]
        if missing:
            raise FileNotFoundError(f'{path}: {", ".join(missing)} missing; export the model again')
        return folder

    @property
    def files(self) -> tuple[str, ...]:
        """The ONNX files that the model consists of."""
        calibrator = ('camera.onnx',) if self.rotation_source == 'predicted' else ()
        orientation = () if self.rotation_source is None else ('orient.onnx',)
        return ('model.onnx', *calibrator, *orientation)

    def normalised(self, picture: np.ndarray, order: str) -> np.ndarray:
        """A picture as the networks read it.

        Args:
            picture: The picture.
            order: Of its channels, 'bgr' or 'rgb'.

        Shapes: picture: (h, w, 3) uint8.  returns: (1, 3, h, w) float32.
        """
        if order != self.pixels['order']:
            picture = picture[..., ::-1]
        mean, std = (np.asarray(self.pixels[name], np.float32) for name in ('mean', 'std'))
        return ((picture - mean) / std).transpose(2, 0, 1)[None]
