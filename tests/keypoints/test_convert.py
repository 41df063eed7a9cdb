import numpy as np
import pytest
import torch

from whmr.keypoints import JOINT_SETS, SMPL54_TO_SPIN49, convert_keypoints, flip_keypoints

KINDS = ['numpy', 'torch']


def make(kind: str, name: str, *lead: int, dims: int = 2):
    rng = np.random.default_rng(0)
    keypoints = rng.normal(size=(*lead, len(JOINT_SETS[name]), dims))
    conf = rng.uniform(0.1, 1, size=keypoints.shape[:-1])
    return (keypoints, conf) if kind == 'numpy' else tuple(map(torch.from_numpy, (keypoints, conf)))


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('lead', [(), (1,), (3,), (2, 3)])
def test_coco_fills_the_annotated_half_and_nothing_else(kind: str, lead: tuple[int, ...]) -> None:
    keypoints, conf = make(kind, 'coco17', *lead)
    out, out_conf = convert_keypoints(keypoints, conf, 'coco17', 'spin49')
    assert tuple(out.shape) == (*lead, 49, 2)
    assert type(out) is type(keypoints)
    filled = set()
    for i, name in enumerate(JOINT_SETS['coco17'].joints):
        k = 25 + JOINT_SETS['spin24'].index(name)
        filled.add(k)
        np.testing.assert_array_equal(out[..., k, :], keypoints[..., i, :])
        np.testing.assert_array_equal(out_conf[..., k], conf[..., i])
    assert len(filled) == 17
    rest = [k for k in range(49) if k not in filled]
    assert not np.asarray(out)[..., rest, :].any()
    assert not np.asarray(out_conf)[..., rest].any()


def test_known_positions_of_coco_in_the_24() -> None:
    order = [19, 20, 21, 22, 23, 9, 8, 10, 7, 11, 6, 3, 2, 4, 1, 5, 0]
    assert [JOINT_SETS['spin24'].index(name) for name in JOINT_SETS['coco17'].joints] == order


@pytest.mark.parametrize('kind', KINDS)
def test_model_joints_fill_all_49_as_the_table_says(kind: str) -> None:
    keypoints, conf = make(kind, 'smpl54', 3, dims=3)
    out, out_conf = convert_keypoints(keypoints, conf, 'smpl54', 'spin49')
    np.testing.assert_array_equal(out, keypoints[:, list(SMPL54_TO_SPIN49)])
    np.testing.assert_array_equal(out_conf, conf[:, list(SMPL54_TO_SPIN49)])


def test_openpose_detections_stay_apart_from_annotations() -> None:
    keypoints, conf = make('numpy', 'openpose25')
    out, out_conf = convert_keypoints(keypoints, conf, 'openpose25', 'spin49')
    np.testing.assert_array_equal(out[:25], keypoints)
    assert not out_conf[25:].any()
    _, out_conf = convert_keypoints(keypoints, conf, 'openpose25', 'coco17')
    assert not out_conf.any()


def test_back_to_the_model_joints() -> None:
    keypoints, conf = make('numpy', 'smpl54')
    there, there_conf = convert_keypoints(keypoints, conf, 'smpl54', 'spin49')
    back, back_conf = convert_keypoints(there, there_conf, 'spin49', 'smpl54')
    known = back_conf > 0
    assert sorted(np.flatnonzero(known)) == sorted(set(SMPL54_TO_SPIN49))
    np.testing.assert_array_equal(back[known], keypoints[known])


def test_without_confidences_present_joints_get_one() -> None:
    keypoints, _ = make('torch', 'lsp14', 2)
    keypoints[0, 0] = float('nan')
    _, conf = convert_keypoints(keypoints, None, 'lsp14', 'spin24')
    assert conf.tolist() == [[1.0] * 14 + [0.0] * 10] * 2


@pytest.mark.parametrize('kind', KINDS)
def test_the_input_is_left_alone(kind: str) -> None:
    keypoints, conf = make(kind, 'spin24', 2)
    before = np.array(keypoints), np.array(conf)
    for function in (
        lambda: convert_keypoints(keypoints, conf, 'spin24', 'coco17'),
        lambda: convert_keypoints(keypoints, conf, 'spin24', 'spin24'),
        lambda: flip_keypoints(keypoints, conf, 'spin24'),
    ):
        out, out_conf = function()
        out[:], out_conf[:] = 7, 7
    np.testing.assert_array_equal(keypoints, before[0])
    np.testing.assert_array_equal(conf, before[1])


def test_conversion_carries_gradients() -> None:
    keypoints = torch.randn(2, 17, 2, requires_grad=True)
    out, _ = convert_keypoints(keypoints, None, 'coco17', 'spin49')
    out.sum().backward()
    assert torch.equal(keypoints.grad, torch.ones_like(keypoints))


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize(('dims', 'width'), [(2, 640.0), (3, 0.0)])
def test_flip_mirrors_x_and_swaps_sides(kind: str, dims: int, width: float) -> None:
    keypoints, conf = make(kind, 'coco17', 3, dims=dims)
    out, out_conf = flip_keypoints(keypoints, conf, 'coco17', width=width)
    left, right = (JOINT_SETS['coco17'].index(f'{side}_knee') for side in ('left', 'right'))
    np.testing.assert_allclose(out[:, left, 0], width - keypoints[:, right, 0])
    np.testing.assert_array_equal(out[:, left, 1:], keypoints[:, right, 1:])
    np.testing.assert_array_equal(out_conf[:, left], conf[:, right])
    back, back_conf = flip_keypoints(out, out_conf, 'coco17', width=width)
    np.testing.assert_allclose(back, keypoints, atol=1e-12)
    np.testing.assert_array_equal(back_conf, conf)
    assert flip_keypoints(keypoints, None, 'coco17', width=width)[1] is None


def test_shapes_that_do_not_fit_the_set_are_refused() -> None:
    keypoints, conf = make('numpy', 'coco17', 2)
    with pytest.raises(ValueError, match=r'spin24 needs shape \(..., 24, D\)'):
        convert_keypoints(keypoints, conf, 'spin24', 'spin49')
    with pytest.raises(ValueError, match='conf'):
        convert_keypoints(keypoints, conf[0], 'coco17', 'spin49')
    with pytest.raises(ValueError, match='coco17'):
        flip_keypoints(keypoints[0, 0], None, 'coco17')
    with pytest.raises(KeyError, match='unknown joint set'):
        convert_keypoints(keypoints, conf, 'coco17', 'spin50')
