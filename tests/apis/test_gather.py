from dataclasses import replace

import numpy as np
import pytest
import torch

from whmr.apis import HMRResult, gather_results, link_boxes
from whmr.body_models import BodyMismatchError, FreeBody
from whmr.testing import clip_results


@pytest.fixture(scope='module')
def body() -> FreeBody:
    return FreeBody()


@pytest.fixture(scope='module')
def clip() -> list[HMRResult]:
    return clip_results(3, 2)


def test_rows_are_those_of_the_photos(clip: list[HMRResult], body: FreeBody) -> None:
    table = gather_results(iter(clip), body, fps=30)
    assert table.fps == 30 and table.vertices is None
    assert table.frame_names.tolist() == [photo.image_name for photo in clip]
    for name in ('betas', 'body_pose', 'global_orient_world_rotmat', 'cam_t', 'keypoints_2d'):
        wanted = np.concatenate([getattr(photo, name) for photo in clip])
        np.testing.assert_array_equal(getattr(table, name), wanted)
    np.testing.assert_array_equal(table.world2cam_rotmat[2], clip[2].world2cam_rotmat)
    count = len(table.frame)
    still = torch.zeros(count, 1, 3), torch.zeros(count, 23, 3)
    rest = body(torch.from_numpy(table.betas), *still)
    np.testing.assert_allclose(table.rest_joints, rest.joints[:, :24], atol=1e-6)


def test_one_camera_for_all(clip: list[HMRResult], body: FreeBody) -> None:
    """Somebody seen with a focal length twice as long is brought to half the distance."""
    focal = clip[0].focal_length * np.array([1, 2], np.float32)
    far = replace(clip[0], focal_length=focal)
    table = gather_results([far, *clip[1:]], body)
    assert (table.focal_length == np.float32(1100)).all()
    np.testing.assert_array_equal(table.intrinsics[:, 0, 0], table.focal_length)
    np.testing.assert_array_equal(table.person_focal_length[:2], focal)
    place = table.pelvis_camera - table.joints[:, 8]
    np.testing.assert_allclose(place[0], table.cam_t[0], atol=1e-6)
    np.testing.assert_allclose(place[1], table.cam_t[1] * [1, 1, 0.5], atol=1e-6)


def test_photo_without_people(clip: list[HMRResult], body: FreeBody) -> None:
    rows = {
        name: value[:0]
        for name, value in vars(clip[0]).items()
        if np.ndim(value) and len(value) == 2 and name != 'image_shape'
    }
    nobody = replace(clip[0], **rows)
    table = gather_results([nobody], body)
    assert table.num_frames == 1 and len(table.frame) == 0 and not table.has_world
    assert table.focal_length[0] == pytest.approx(np.hypot(720, 1280))
    table = gather_results([clip[0], nobody, clip[2]], body)
    assert table.frame.tolist() == [0, 0, 2, 2] and table.track_id.tolist() == [0, 1, 0, 1]


def test_given_tracks(clip: list[HMRResult], body: FreeBody) -> None:
    ids = [np.array([7, 3]), np.array([3, 7]), np.array([-1, 7])]
    table = gather_results(clip, body, track_ids=ids)
    assert table.track_id.tolist() == [7, 3, 3, 7, -1, 7]
    with pytest.raises(ValueError, match='one id per person'):
        gather_results(clip, body, track_ids=ids[:2])
    with pytest.raises(ValueError, match='one id per person'):
        gather_results(clip, body, track_ids=[*ids[:2], np.array([1])])


def test_shots(clip: list[HMRResult], body: FreeBody) -> None:
    """Each has a camera and people of its own, and one photo links nobody."""
    wide = replace(clip[1], focal_length=np.float32([500, 700]), image_shape=np.array([600, 800]))
    shots = ['clip', 'photo', 'clip']
    table = gather_results([clip[0], wide, clip[2]], body, shots=shots)
    assert table.focal_length.tolist() == [1100, 600, 1100]
    assert table.intrinsics[1, :2, 2].tolist() == [400, 300]
    assert table.track_id.tolist() == [0, 1, -1, -1, 0, 1]
    np.testing.assert_allclose(
        (table.pelvis_camera - table.joints[:, 8])[2], wide.cam_t[0] * [1, 1, 600 / 500], rtol=1e-5
    )
    two = gather_results([*clip[:2], *clip[:2]], body, shots=['a', 'a', 'b', 'b'])
    assert two.track_id.tolist() == [0, 1, 0, 1, 2, 3, 2, 3]
    with pytest.raises(ValueError, match='2 texts for 3 frames'):
        gather_results(clip, body, shots=['a', 'b'])


def test_tracks_of_the_records(clip: list[HMRResult], body: FreeBody) -> None:
    tracked = [replace(photo, track_ids=np.array([5, 2])) for photo in clip]
    assert gather_results(tracked, body).track_id.tolist() == [5, 2] * 3
    assert gather_results([tracked[0]], body).track_id.tolist() == [5, 2]
    assert gather_results([tracked[0], clip[1]], body).track_id.tolist() == [0, 1, 0, 1]
    both = gather_results(tracked[:2], body, shots=['a', 'b'])
    assert both.track_id.tolist() == [5, 2, 11, 8]


def test_what_cannot_be_gathered(clip: list[HMRResult], body: FreeBody) -> None:
    with pytest.raises(ValueError, match='no records'):
        gather_results([], body)
    with pytest.raises(BodyMismatchError, match='smpl'):
        gather_results([replace(clip[0], topology='smpl')], body)
    small = replace(clip[1], image_shape=np.array([10, 20]))
    with pytest.raises(ValueError, match=r'10 x 20 px .* 720 x 1280: not frames of one shot'):
        gather_results([clip[0], small], body)


def box(x: float, width: float = 10) -> list[float]:
    return [x, 0, x + width, 20]


def test_people_are_linked_by_their_boxes() -> None:
    empty = np.zeros((0, 4))
    frames = [
        np.array([box(0), box(30)]),
        np.array([box(28), box(2), box(80)]),  # other order, somebody new
        empty,
        np.array([box(4), box(79)]),
        *[empty] * 6,
        np.array([box(4)]),  # away for too long
    ]
    found = [ids.tolist() for ids in link_boxes(frames)]
    assert found[:4] == [[0, 1], [1, 0, 2], [], [0, 2]]
    assert found[-1] == [3]


def test_the_best_overlap_comes_first() -> None:
    found = link_boxes([np.array([box(0)]), np.array([box(4), box(1)])])
    assert [ids.tolist() for ids in found] == [[0], [1, 0]]


def test_one_photo_links_nobody() -> None:
    assert link_boxes([np.array([box(0), box(30)])])[0].tolist() == [-1, -1]
