"""Copy the reference numbers that the tests read out of a full `units.npz`.

The numbers were computed by the authors' release of W-HMR on licence-free stand-ins; a field is
named `function/field`.

    python tests/data/make_reference_units.py PATH/TO/units.npz
"""

import argparse
from pathlib import Path

import numpy as np

from whmr.fileio import atomic_path

PREFIXES = (
    'batch_rodrigues/',
    'rot6d_to_rotmat/',
    'rotmat_to_rot6d/',
    'unbiased_gram_schmidt/',
    'gram_schmidt_batch3_bug/',
    'rotation_matrix_to_angle_axis/',
    'batch_euler2matrix/',
    'projection_224/',
    'projection_256/',
    'full_image_camera/',
    'estimate_translation/',
    'camcalib_',
    'procrustes/',
    'metrics_',
    'spec_metrics_mm/',
    'iuv_img2map/',
    'body_uv_losses/',
    'depth_losses/',
    'keypoint_loss/',
    'keypoint_3d_loss/',
    'smpl_losses/',
    'shape_loss/',
)
LIMIT = 1_000_000  # bytes


def main() -> None:
    """Read the source, keep the wanted fields, write them beside this script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', type=Path, help='the full units.npz')
    target = Path(__file__).with_name('reference_units.npz')
    with np.load(parser.parse_args().source, allow_pickle=False) as units:
        kept = {name: units[name] for name in units.files if name.startswith(PREFIXES)}
    missing = [prefix for prefix in PREFIXES if not any(name.startswith(prefix) for name in kept)]
    if missing:
        raise SystemExit(f'the source holds no field that starts with {", ".join(missing)}')
    with atomic_path(target) as partial:
        np.savez_compressed(partial, **kept)
    size = target.stat().st_size
    if size > LIMIT:
        raise SystemExit(f'{target} takes {size} bytes, more than {LIMIT}')
    print(f'{target}: {len(kept)} fields, {size} bytes')


if __name__ == '__main__':
    main()
