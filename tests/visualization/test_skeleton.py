import numpy as np
import pytest

from whmr.keypoints import JOINT_SETS
from whmr.visualization import draw_overlay
from whmr.visualization.palette import LEFT_COLOR, RIGHT_COLOR
from whmr.visualization.skeleton import BONES, draw_skeleton

JOINTS = JOINT_SETS['spin49']
BLACK = np.zeros((100, 100, 3), np.uint8)


def only(**places: tuple[float, float]) -> np.ndarray:
    keypoints = np.full((49, 2), np.nan)
    for name, place in places.items():
        keypoints[JOINTS.index(name)] = place
    return keypoints


@pytest.mark.parametrize(('side', 'color'), [('left', LEFT_COLOR), ('right', RIGHT_COLOR)])
def test_a_bone_lies_on_its_joints_in_its_sides_colour(side, color) -> None:
    keypoints = only(**{f'{side}_elbow': (20.5, 30.5), f'{side}_wrist': (60.5, 30.5)})
    drawn = draw_skeleton(BLACK, keypoints)
    for column in (20, 40, 60):
        np.testing.assert_allclose(drawn[30, column], color, atol=30)
    rows, columns = np.nonzero(drawn.any(axis=-1))
    assert rows.mean() == pytest.approx(30, abs=0.3)
    assert columns.mean() == pytest.approx(40, abs=0.5)


def test_what_is_not_shown_is_not_drawn() -> None:
    keypoints = only(left_elbow=(20, 30), left_wrist=(60, 30))
    shown = np.ones(49, dtype=bool)
    shown[JOINTS.index('left_wrist')] = False
    np.testing.assert_array_equal(draw_skeleton(BLACK, keypoints, shown=shown), BLACK)
    np.testing.assert_array_equal(draw_skeleton(BLACK, only(left_elbow=(20, 30))), BLACK)
    far = only(left_elbow=(1e8, 30), left_wrist=(60, 30))
    np.testing.assert_array_equal(draw_skeleton(BLACK, far), BLACK)


def test_names_are_written_beside_large_people() -> None:
    canvas = np.zeros((400, 400, 3), np.uint8)
    keypoints = only(left_elbow=(100, 50), left_wrist=(100, 350))
    plain, named = (draw_skeleton(canvas, keypoints, names=names) for names in (False, True))
    column = np.nonzero((plain != named).any(axis=-1))[1]
    assert column.min() > 100  # the person's left is written on the right of the joint
    small = keypoints / 4
    np.testing.assert_array_equal(
        draw_skeleton(canvas, small, names=True), draw_skeleton(canvas, small)
    )


def test_bones_are_of_known_joints_and_symmetric() -> None:
    bones = set(BONES)
    assert all(start in JOINTS and end in JOINTS for start, end in bones)
    swapped = {tuple(name.replace('left', 'right') for name in bone) for bone in bones}
    assert swapped <= bones


def test_joints_lie_where_the_persons_camera_sees_them(make_people) -> None:
    people = make_people([[0.3, 0.1, 4.0], [-0.6, 0.0, 8.0]], [300.0, 500.0])
    photo = np.zeros((300, 400, 3), np.uint8)
    pixels = people.keypoints_2d((300, 400))
    joint = JOINTS.index('left_wrist')
    x, y, z = people.joints[1, joint] + people.cam_t[1]
    np.testing.assert_allclose(pixels[1, joint], [500 * x / z + 200, 500 * y / z + 150], rtol=1e-5)
    drawn = draw_overlay(photo, people, layers=('skeleton',))
    for person in pixels:
        column, row = np.floor(person[joint]).astype(int)
        np.testing.assert_allclose(drawn[row, column], LEFT_COLOR, atol=60)
