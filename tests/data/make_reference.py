"""Copy the reference runs that the tests compare with out of the full set, and make them small.

    python tests/data/make_reference.py PATH/TO/FULL/SET

Everything is copied as it is but the finest mesh's neighbours, which nothing
reads, and the stand-in body: its pose directions are stored as factors (per
joint they have rank 9), which changes them by less than 1e-9.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np

from whmr.fileio import atomic_path, write_text

OUT = Path(__file__).resolve().parent / 'reference'
COPIED = (
    'eval_*.npz',
    'train_*_stage*.npz',
    'train_*_stage*.json',
    'smpl_ssm.npy',
    'smpl_mean_params.npz',
    'J_regressor_extra.npy',
    'J_regressor_h36m.npy',
)
MESHES, UNUSED = 'mesh_downsampling_plain.npz', 'A0_'
USED_KEYS = ('variant', 'config', 'filled', 'noise_mkldnn_off_1_thread_max_abs')
RANK, JOINTS = 9, 23


def pack_posedirs(posedirs: np.ndarray) -> dict[str, np.ndarray]:
    """Factors of the pose directions (V, 3, 207), see `unpack_posedirs` of the checks."""
    blocks = posedirs.astype(np.float64).reshape(len(posedirs), 3, JOINTS, 9)
    joints, vertices, left, right = [], [], [], []
    for joint in range(JOINTS):
        block = blocks[:, :, joint].reshape(len(blocks), -1)
        moved = np.flatnonzero(block.any(axis=1))
        u, s, v = np.linalg.svd(block[moved], full_matrices=False)
        joints.append(np.full(len(moved), joint, np.uint8))
        vertices.append(moved.astype(np.uint16))
        left.append((u[:, :RANK] * s[:RANK]).astype(np.float32))
        right.append(v[:RANK].astype(np.float32))
    return {
        'posedirs_joint': np.concatenate(joints),
        'posedirs_vertex': np.concatenate(vertices),
        'posedirs_left': np.concatenate(left),
        'posedirs_right': np.stack(right),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', type=Path, help='folder with the full set')
    source = parser.parse_args().source
    OUT.mkdir(exist_ok=True)
    for pattern in COPIED:
        for file in source.glob(pattern):
            shutil.copyfile(file, OUT / file.name)
    for file in source.glob('keys_*.json'):
        keys = json.loads(file.read_text(encoding='utf-8'))
        write_text(
            OUT / file.name, json.dumps({key: keys[key] for key in USED_KEYS if key in keys})
        )
    with np.load(source / 'smpl_synth.npz') as data:
        body = {key: data[key] for key in data.files if key != 'posedirs'}
        body |= pack_posedirs(data['posedirs'])
    with atomic_path(OUT / 'smpl_synth.npz') as partial:
        np.savez_compressed(partial, **body)
    with np.load(source / MESHES) as data:
        meshes = {key: data[key] for key in data.files if not key.startswith(UNUSED)}
    with atomic_path(OUT / MESHES) as partial:
        np.savez_compressed(partial, **meshes)
    total = sum(file.stat().st_size for file in OUT.iterdir())
    print(f'{OUT}: {total / 1e6:.1f} MB')


if __name__ == '__main__':
    main()
