"""What each split of the synthetic world is made of. Splits share no seed, no panorama, no clip."""

from dataclasses import dataclass

from whmr.datasets.synthetic.cameras import COMMON_CAMERAS, TILTED_CAMERAS, CameraDistribution


@dataclass(frozen=True)
class SplitSource:
    """The sources of one split.

    Args:
        stream: First number of every random seed of the split.
        clips: Motion clips and how often each is drawn (relative).
        panoramas: Panoramas.
        cameras: How the cameras are turned and how wide they see.
        mixing: How often limbs come from another frame (`PoseSampler`). Poses to train on are the
            more varied for it; those to test on are as they were captured.
    """

    stream: int
    clips: dict[str, float]
    panoramas: tuple[str, ...]
    cameras: CameraDistribution = COMMON_CAMERAS
    mixing: float = 0.0


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
            'blender_studio',
            'blender_sunrise',
            'pmndrs_apartment',
            'pmndrs_esplanade',
            'pmndrs_forest',
            'pmndrs_sky',
        ),
        mixing=0.6,
    ),
    'val': SplitSource(
        stream=2,
        clips={'punch': 2.0, 'getup_faceup': 1.0},
        panoramas=('blender_forest', 'pmndrs_lab', 'pmndrs_sunset'),
    ),
    'test': SplitSource(
        stream=3,
        clips={'dance_b': 3.0},
        panoramas=('pmndrs_park', 'pmndrs_studio'),
    ),
    # Cameras and backgrounds that no training set has.
    'test_tilted': SplitSource(
        stream=4,
        clips={'spinkick': 1.0},
        panoramas=('pmndrs_hall', 'pmndrs_night'),
        cameras=TILTED_CAMERAS,
    ),
}

# Where a camera calibrator is trained (`PanoramaViews`): no other split shows these places, so its
# errors on them are those of a calibrator that comes from elsewhere.
CALIBRATOR_PANORAMAS: tuple[str, ...] = (
    'blender_courtyard',
    'blender_interior',
    'blender_night',
    'blender_sunset',
    'pmndrs_city',
    'pmndrs_dawn',
    'pmndrs_lobby',
    'pmndrs_sunrise',
)
