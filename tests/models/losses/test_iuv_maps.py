"""The dense correspondence targets."""

import pytest
import torch

from whmr.models.losses import ANNOTATION_GROUPS, iuv_target_maps, part_to_annotation


def test_matches_the_reference(units):
    image = units('iuv_img2map/iuv')
    maps = iuv_target_maps((24 * image[:, 0]).round().long(), image[:, 1:])
    for got, name in zip(maps, ('U', 'V', 'I', 'Ann')):
        torch.testing.assert_close(got, units(f'iuv_img2map/{name}'))


def test_each_pixel_is_in_one_part_and_one_merged_part():
    index, uv = torch.randint(25, (2, 6, 5)), torch.rand(2, 2, 6, 5)
    maps = iuv_target_maps(index, uv)
    assert torch.equal(maps.index.argmax(dim=1), index)
    assert (maps.index.sum(dim=1) == 1).all() and (maps.annotation.sum(dim=1) == 1).all()
    torch.testing.assert_close(maps.u.sum(dim=1), uv[:, 0])
    torch.testing.assert_close(maps.v.sum(dim=1), uv[:, 1])
    assert torch.equal(part_to_annotation()[index], maps.annotation.argmax(dim=1))


def test_table():
    table = part_to_annotation()
    assert table.shape == (25,) and table.max() == 14
    for merged, parts in enumerate(ANNOTATION_GROUPS):
        assert (table[list(parts)] == merged).all()


@pytest.mark.parametrize('groups', [((0,), (2,)), ((0, 1), (1,)), ((1,), (2,))])
def test_groups_that_are_no_partition_are_refused(groups):
    with pytest.raises(ValueError, match='each part from 0 on exactly once'):
        part_to_annotation(groups)
