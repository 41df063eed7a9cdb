"""How a run of the inferencer went."""

from dataclasses import dataclass, field

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

    def summary(self) -> str:
        """A few lines: counts, then one line per failure."""
        lines = [
            f'{self.num_people} people in {self.num_images} images '
            f'({self.num_empty} without anybody), {len(self.failures)} failures'
        ]
        lines += [f'  {failure.name}: {failure.reason}' for failure in self.failures]
        return '\n'.join(lines)
