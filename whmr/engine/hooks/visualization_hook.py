"""Pictures of validation and test photos in the log."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from whmr.datasets import BadSampleError
from whmr.datasets.transforms import LoadImage
from whmr.registry import HOOKS
from whmr.structures import HMRDataSample
from whmr.visualization import HMRVisualizer

GREY = 127  # of a photo outside the crop, where the photo itself cannot be read


@HOOKS.register_module()
class VisualizationHook(Hook):
    """Hands photos with labels and predictions to the runner's `HMRVisualizer`.

    The same photos every time, evenly spread over the data set, so that the steps of a log can be
    compared; everybody of a photo who is in the same batch is drawn. In a distributed run the main
    process draws from its own share. A photo that cannot be read any more (it lies in a shard) is
    drawn as far as the network's crop shows it. A picture that cannot be drawn is a warning in the
    log and never ends the run.

    Args:
        num_val: Photos of each validation; 0 turns it off.
        num_test: Photos of a test; 0 turns it off.
        show_dir: Folder that gets each photo's picture as a PNG, too.

    Raises:
        ValueError: A number is negative.
    """

    priority = 'LOW'

    def __init__(
        self, *, num_val: int = 4, num_test: int = 0, show_dir: str | Path | None = None
    ) -> None:
        if min(num_val, num_test) < 0:
            raise ValueError(f'num_val={num_val}, num_test={num_test}: must be 0 or more')
        self.num_val, self.num_test = num_val, num_test
        self.show_dir = None if show_dir is None else Path(show_dir)
        self._loader = LoadImage()
        self._wanted: list[int] = []
        self._seen = 0

    def before_run(self, runner: Runner) -> None:
        """Tell the visualizer what body the model has; turn off where nothing can be drawn."""
        if not isinstance(runner.visualizer, HMRVisualizer) or find_spec('numba') is None:
            runner.logger.info('no pictures: they need visualizer=HMRVisualizer, and numba')
            self.num_val = self.num_test = 0
            return
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        body = getattr(model, 'body_model', None)
        if body is not None:
            runner.visualizer.use_body(body)

    def before_val_epoch(self, runner: Runner) -> None:
        """Choose the photos."""
        self._choose(self.num_val, runner.val_dataloader)

    def before_test_epoch(self, runner: Runner) -> None:
        """Choose the photos."""
        self._choose(self.num_test, runner.test_dataloader)

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[HMRDataSample] | None = None,
    ) -> None:
        """Draw the chosen photos of the batch."""
        self._draw(runner, 'val', data_batch, outputs or ())

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[HMRDataSample] | None = None,
    ) -> None:
        """Draw the chosen photos of the batch."""
        self._draw(runner, 'test', data_batch, outputs or ())

    def _choose(self, number: int, dataloader: DataLoader) -> None:
        total = len(dataloader.sampler)
        number = min(number, total) if is_main_process() else 0
        self._wanted = [int((index + 0.5) * total / number) for index in range(number)]
        self._seen = 0

    def _draw(
        self, runner: Runner, split: str, data_batch: Any, outputs: Sequence[HMRDataSample]
    ) -> None:
        first, self._seen = self._seen, self._seen + len(outputs)
        for index, position in enumerate(self._wanted):
            if not first <= position < self._seen:
                continue
            sample = outputs[position - first]
            if sample.get('bad_photo') is not None:
                continue
            name = f'{split}_{index}'
            file = None if self.show_dir is None else self.show_dir / f'{name}.png'
            try:
                photo, together = self._photo(sample), _same_photo(sample, outputs)
                if photo is None:
                    photo, together = _photo_of_crop(sample, data_batch, position - first), [sample]
                runner.visualizer.add_datasample(
                    name, photo, together, out_file=file, step=runner.iter
                )
            except Exception as error:  # whatever it is, no picture is worth a training
                kind = type(error).__name__
                runner.logger.warning(f'picture {name} was not drawn: {kind}: {error}')

    def _photo(self, sample: HMRDataSample) -> np.ndarray | None:
        """The sample's photo, RGB; None where it is no file, or the sample is mirrored."""
        if sample.get('img_path') is None or sample.get('flipped'):
            return None
        asked = {'img_path': sample.img_path, 'ori_shape': sample.ori_shape}
        try:
            return np.ascontiguousarray(self._loader.transform(asked)['img'][..., ::-1])
        except BadSampleError:
            return None


def _same_photo(sample: HMRDataSample, samples: Sequence[HMRDataSample]) -> list[HMRDataSample]:
    path = sample.get('img_path')
    return [other for other in samples if other is sample or other.get('img_path') == path]


def _photo_of_crop(sample: HMRDataSample, data_batch: Any, row: int) -> np.ndarray:
    """What the network's input shows of the photo, RGB; the rest is grey."""
    height, width = (int(side) for side in sample.ori_shape)
    inputs = data_batch['inputs']
    if 'crop' not in inputs:
        full = inputs['full'][row].permute(1, 2, 0).numpy()[..., ::-1]
        return cv2.resize(np.ascontiguousarray(full), (width, height))
    crop = np.ascontiguousarray(inputs['crop'][row].permute(1, 2, 0).numpy()[..., ::-1])
    crop2full = np.array(sample.crop2full, dtype=np.float64)[:2]
    # Ours are continuous pixels, whose centres lie at halves; OpenCV's lie at whole numbers.
    crop2full[:, 2] += crop2full[:, :2] @ [0.5, 0.5] - 0.5
    return cv2.warpAffine(crop, crop2full, (width, height), borderValue=(GREY, GREY, GREY))
