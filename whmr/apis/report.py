"""How a run of the inferencer went."""

import json
from dataclasses import asdict, dataclass, field

from whmr.apis.hmr_result import HMRResult


@dataclass(frozen=True)
class Failure:
    """A photo, video frame or given box that could not be used."""

    name: str
    reason: str


@dataclass
class InferenceReport:
    """What a run did.

    `results` are kept only where nothing is written to a folder, or on request.
    """

    results: list[HMRResult] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    num_images: int = 0  # photos that were estimated, those without people included
    num_people: int = 0
    num_empty: int = 0  # photos in which nobody was found
    num_kept: int = 0  # photos that an earlier run had finished; they count nowhere else

    def add(self, result: HMRResult) -> None:
        """Count a photo that was estimated.

        Args:
            result: Its record.
        """
        self.num_images += 1
        self.num_people += len(result)
        self.num_empty += len(result) == 0

    def summary(self) -> str:
        """A few lines: counts, then one line per failure."""
        kept = f', {self.num_kept} images finished before' if self.num_kept else ''
        lines = [
            f'{self.num_people} people in {self.num_images} images '
            f'({self.num_empty} without anybody), {len(self.failures)} failures{kept}'
        ]
        lines += [f'  {failure.name}: {failure.reason}' for failure in self.failures]
        return '\n'.join(lines)

    def to_json(self) -> str:
        """Counts and failures as JSON text."""
        counts = ('num_images', 'num_people', 'num_empty', 'num_kept')
        content = {name: getattr(self, name) for name in counts}
        content['failures'] = [asdict(failure) for failure in self.failures]
        return json.dumps(content, indent=1)
