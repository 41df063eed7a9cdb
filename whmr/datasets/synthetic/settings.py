"""What a synthetic world is made with; the same settings give the same world, bit by bit."""

import hashlib
import json
from dataclasses import asdict, dataclass

from whmr.datasets.synthetic.assets import assets_checksum
from whmr.datasets.synthetic.splits import SPLITS

# Raise it whenever the same settings would give other images or labels.
GENERATOR_VERSION = 2


@dataclass(frozen=True)
class SyntheticWorldSettings:
    """Everything that images and labels depend on, beside an image's index.

    Args:
        split: A key of `SPLITS`.
        seed: Another seed gives another world of the same kind.
        image_size: W, H of the images, px.
        max_people: At most this many people are put into one scene.
        max_boxes: At most this many boxes stand in one scene.
        clip_share: Share of the poses that come from motion capture; the rest have random limbs.
        panorama_share: Share of the scenes with a panorama; the rest have a plain sky.
        supersample: Samples per pixel side.
        effects: Exposure, colour, blur, noise and JPEG compression like those of real photos.

    Raises:
        ValueError: A value is outside its range.
    """

    split: str = 'train'
    seed: int = 0
    image_size: tuple[int, int] = (512, 384)
    max_people: int = 4
    max_boxes: int = 4
    clip_share: float = 0.75
    panorama_share: float = 0.8
    supersample: int = 2
    effects: bool = True

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ValueError(f'split must be one of {sorted(SPLITS)}, got {self.split!r}')
        if len(self.image_size) != 2 or min(self.image_size) < 32:
            raise ValueError(
                f'image_size must be (W, H) with at least 32 px each, got {self.image_size}'
            )
        for name, low, high in (
            ('seed', 0, 2**31 - 1),
            ('max_people', 1, 20),
            ('max_boxes', 0, 50),
            ('clip_share', 0, 1),
            ('panorama_share', 0, 1),
            ('supersample', 1, 8),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f'{name} must lie in {low}..{high}, got {value}')

    @property
    def image_shape(self) -> tuple[int, int]:
        """H, W of the images."""
        return self.image_size[1], self.image_size[0]

    def to_json(self) -> str:
        """The settings, the version of generator and assets, and the split's sources, as text."""
        source = asdict(SPLITS[self.split])
        record = dict(
            asdict(self),
            generator_version=GENERATOR_VERSION,
            assets_checksum=assets_checksum(),
            source=source,
        )
        return json.dumps(record, sort_keys=True, indent=1)

    def folder_name(self) -> str:
        """Name of the cache folder: readable, and different for different settings."""
        digest = hashlib.sha256(self.to_json().encode()).hexdigest()[:10]
        width, height = self.image_size
        return f'{self.split}_{width}x{height}_seed{self.seed}_{digest}'
