"""Converters of label files whose bodies or cameras are given in a world."""

import argparse
import os
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from whmr.datasets.conversion.label_checks import AXES, check_up_axis
from whmr.datasets.conversion.label_file import LabelFileConverter

NUM_CHECKED = 500


class WorldLabelFileConverter(LabelFileConverter):
    """A label file with a world; which of its axes points up is checked, not trusted.

    Args:
        source_root: Folder of the photos.
        out_dir: `data/<dataset>`.
        labels: The file.
        dataset: Which set it labels.
        variant: Goes into the name of the output.
        pixel_shift: Added to 2D labels.
        up_axis: What points up in the file's world, a key of `AXES`.

    Raises:
        SourceError: A file is missing.
    """

    def __init__(
        self,
        source_root: str | os.PathLike,
        out_dir: str | os.PathLike,
        *,
        labels: str | os.PathLike,
        dataset: str | None = None,
        variant: str | None = None,
        pixel_shift: float = 0.0,
        up_axis: str = '-y',
    ) -> None:
        super().__init__(
            source_root,
            out_dir,
            labels=labels,
            dataset=dataset,
            variant=variant,
            pixel_shift=pixel_shift,
        )
        self.up_axis = up_axis

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options of all label files, and the world's axis."""
        super().add_arguments(parser)
        parser.add_argument(
            '--up-axis', choices=AXES, default='-y', help='up in the world of the file; default: -y'
        )

    def options(self) -> dict[str, Any]:
        """What changes the rows."""
        return super().options() | dict(up_axis=self.up_axis)

    def units(self, split: str) -> Sequence[str]:
        """Pieces of the file's rows, once its world is known to be the expected one.

        Raises:
            SourceError: People stand along another axis.
        """
        check_up_axis(self.world_orients(NUM_CHECKED), self.up_axis, str(self.labels))
        return super().units(split)

    @abstractmethod
    def world_orients(self, count: int) -> Sequence[np.ndarray]:
        """Body orientations of about `count` people in the file's world.

        Shapes: returns: (3, 3) each.
        """
