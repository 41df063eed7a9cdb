"""Says which samples of a test or validation could not be used."""

import logging
from collections.abc import Sequence
from typing import Any

from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.runner import Runner

from whmr.datasets import BadSampleError
from whmr.registry import HOOKS

NUM_BAD_SAMPLES = 'num_bad_samples'  # in the runner's message hub


@HOOKS.register_module()
class BadPhotoHook(Hook):
    """Counts and lists the samples without a usable photo, which count in no figure.

    A data set in test mode replaces such a photo by a black one without labels, so that the run
    goes on; the runner adds this hook by itself.

    Shapes: none.

    Raises:
        BadSampleError: No sample at all could be used.
    """

    priority = 'LOW'

    def __init__(self) -> None:
        self._reasons: dict[tuple[str, int], str] = {}
        self._seen: set[tuple[str, int]] = set()

    def before_val_epoch(self, runner: Runner) -> None:
        """Forget the samples of before."""
        self._reasons, self._seen = {}, set()

    def before_test_epoch(self, runner: Runner) -> None:
        """Forget the samples of before."""
        self._reasons, self._seen = {}, set()

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Note the bad samples; after the last batch say how many there were."""
        self._note(runner, outputs or (), last=batch_idx + 1 == len(runner.val_dataloader))

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Note the bad samples; after the last batch say how many there were."""
        self._note(runner, outputs or (), last=batch_idx + 1 == len(runner.test_dataloader))

    def _note(self, runner: Runner, outputs: Sequence[Any], *, last: bool) -> None:
        for sample in outputs:
            index = sample.get('sample_idx')
            if index is None:
                continue
            name = (str(sample.get('dataset')), index)
            self._seen.add(name)
            if sample.get('bad_photo'):
                self._reasons[name] = sample.get('bad_photo')
        if last:
            self._report(runner)

    def _report(self, runner: Runner) -> None:
        reasons, seen = {}, set()
        for its_reasons, its_seen in all_gather_object((self._reasons, self._seen)):
            reasons |= its_reasons
            seen |= its_seen
        runner.message_hub.update_info(NUM_BAD_SAMPLES, len(reasons))
        if not reasons:
            return
        photos = list(dict.fromkeys(reasons[name] for name in sorted(reasons)))
        if len(reasons) == len(seen):
            raise BadSampleError(
                f'none of the {len(seen)} samples has a usable photo; the first: {photos[0]}'
            )
        runner.logger.log(
            logging.WARNING,
            f'{len(reasons)} of {len(seen)} samples have no usable photo and count in no figure:'
            + ''.join(f'\n  {reason}' for reason in photos),
        )
