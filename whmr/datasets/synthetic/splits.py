"""What each split of the synthetic world is made of. Splits share no seed, no panorama, no clip."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SplitSource:
    """The sources of one split.

    Args:
        stream: First number of every random seed of the split.
        clips: Motion clips and how often each is drawn (relative).
        panoramas: Panoramas.
    """

    stream: int
    clips: dict[str, float]
    panoramas: tuple[str, ...]


SPLITS: dict[str, SplitSource] = {
    'train': SplitSource(
        stream=1,
        clips={
            'walk': 4.0,
            'run': 2.0,
            'jump': 1.5,
            'dance_a': 3.0,
            'kick': 2.0,
            'spin': 2.0,
            'getup_facedown': 1.5,
            'roll': 1.0,
            'crawl': 1.0,
            'cartwheel': 1.0,
            'backflip': 0.5,
        },
        panoramas=(
            'blender_city',
            'blender_courtyard',
            'blender_interior',
            'blender_night',
            'blender_studio',
            'blender_sunrise',
            'blender_sunset',
            'pmndrs_apartment',
            'pmndrs_city',
            'pmndrs_dawn',
            'pmndrs_esplanade',
            'pmndrs_forest',
            'pmndrs_hall',
            'pmndrs_lobby',
            'pmndrs_sky',
            'pmndrs_sunrise',
        ),
    ),
    'val': SplitSource(
        stream=2,
        clips={'punch': 2.0, 'getup_faceup': 1.0},
        panoramas=('blender_forest', 'pmndrs_lab', 'pmndrs_sunset'),
    ),
    'test': SplitSource(
        stream=3,
        clips={'dance_b': 3.0, 'spinkick': 2.0},
        panoramas=('pmndrs_night', 'pmndrs_park', 'pmndrs_studio'),
    ),
}
