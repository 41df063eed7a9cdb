"""The small samples that we ship are what they say."""

from pathlib import Path

import numpy as np
import torch

from whmr.datasets import HMRDataset, load_annotations
from whmr.testing import TinyDataset, tiny_annotation_file, tiny_batch, tiny_photo, tiny_rows


def test_rows_are_seeded_and_different() -> None:
    rows, again, other = tiny_rows(3), tiny_rows(3), tiny_rows(3, seed=1)
    for name, value in rows[1].items():
        assert np.array_equal(value, again[1][name]), name
    assert not np.allclose(rows[1]['betas'], other[1]['betas'])
    assert not np.allclose(rows[1]['betas'], rows[2]['betas'])


def test_people_are_in_their_photos() -> None:
    for row in tiny_rows(20, ori_shape=(200, 300)):
        assert row['img'].shape == (200, 300, 3)
        inside = (row['keypoints_2d'] > 0) & (row['keypoints_2d'] < (300, 200))
        assert inside.mean() > 0.9
        size = row['bbox'][2:] - row['bbox'][:2]
        assert 40 < size.max() < 220
        assert row['cam_t'][2] > 2


def test_the_file_holds_the_same_people(tmp_path: Path) -> None:
    path = tiny_annotation_file(tmp_path, 3)
    columns, meta = load_annotations(path)
    assert meta['topology'] == 'free_body'
    assert len(columns['bbox']) == 3
    dataset = HMRDataset(path.name, data_root=tmp_path, data_prefix=dict(img='images'))
    memory = TinyDataset(3)
    for index in range(3):
        one, other = dataset.get_data_info(index), memory.get_data_info(index)
        assert np.array_equal(one['body_pose'], other['body_pose'])
        assert Path(one['img_path']).is_file()
    assert np.array_equal(memory.get_data_info(2)['img'], tiny_photo(2))


def test_batches_come_with_and_without_labels() -> None:
    batch = tiny_batch(2, (32, 32), full_side=40, train=True)
    assert [crop.shape for crop in batch['inputs']['crop']] == [(3, 32, 32)] * 2
    assert batch['inputs']['full'][0].shape == (3, 40, 53)
    assert batch['inputs']['full'][0].dtype == torch.uint8
    bare = tiny_batch(1, labelled=False)
    assert bare['inputs'].keys() == {'crop'}
    assert 'gt_instances' not in bare['data_samples'][0]
