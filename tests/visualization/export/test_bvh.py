"""The bvh read back by a small reader of its own."""

import re

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from whmr.body_models import FreeBody
from whmr.visualization.export import (
    JOINT_NAMES,
    ResultsTable,
    encode_bvh,
    euler_zxy,
    person_motions,
)


def read_bvh(text: str) -> tuple[dict[str, np.ndarray], float]:
    """Joint positions (T, 3) by name, and the frame time."""
    hierarchy, motion = text.split('MOTION\n')
    joints: list[dict] = []
    stack: list[dict | None] = []
    current: dict | None = None
    for line in hierarchy.splitlines():
        words = line.split()
        if words[0] in ('ROOT', 'JOINT'):
            parent = next((above for above in reversed(stack) if above), None)
            current = dict(name=words[1], parent=parent)
            joints.append(current)
        elif words[0] == 'End':
            current = None
        elif words[0] == '{':
            stack.append(current)
        elif words[0] == '}':
            stack.pop()
        elif words[0] == 'OFFSET' and current is not None:
            current['offset'] = np.array(words[1:], float)
        elif words[0] == 'CHANNELS':
            current['channels'] = words[2:]
            assert len(words[2:]) == int(words[1])
    assert not stack
    count, rate, *rows = motion.strip().splitlines()
    assert int(re.fullmatch(r'Frames: (\d+)', count).group(1)) == len(rows)
    frame_time = float(re.fullmatch(r'Frame Time: ([\d.]+)', rate).group(1))
    values = np.array([row.split() for row in rows], float)
    column, found, turns = 0, {}, {}
    for joint in joints:
        here = values[:, column : column + len(joint['channels'])]
        column += len(joint['channels'])
        place = np.tile(joint['offset'], (len(values), 1))
        turn = Rotation.identity(len(values))
        for name, value in zip(joint['channels'], here.T):
            if name.endswith('position'):
                place[:, 'XYZ'.index(name[0])] += value
            else:
                turn = turn * Rotation.from_euler(name[0], value[:, None], degrees=True)
        above = joint['parent']
        if above is None:
            found[joint['name']], turns[joint['name']] = place, turn
        else:
            found[joint['name']] = found[above['name']] + turns[above['name']].apply(place)
            turns[joint['name']] = turns[above['name']] * turn
    assert column == values.shape[1]
    return found, frame_time


@pytest.mark.parametrize('space', ['camera', 'world'])
def test_joints_in_every_frame(
    table: ResultsTable, body: FreeBody, truth: dict[str, np.ndarray], space: str
) -> None:
    for motion in person_motions(table, body, space=space):
        joints, frame_time = read_bvh(encode_bvh(motion, fps=25).decode())
        assert frame_time == pytest.approx(0.04)
        assert set(joints) == set(JOINT_NAMES)
        got = np.stack([joints[name] for name in JOINT_NAMES], axis=1)
        assert len(got) == 6  # a gap is filled
        assert np.abs(got[motion.frames] - truth[space][motion.rows]).max() < 1e-4


def test_the_last_pose_stays_in_a_gap(table: ResultsTable, body: FreeBody) -> None:
    motion = person_motions(table, body, space='camera')[1]
    rows = encode_bvh(motion, fps=25).decode().splitlines()[-6:]
    assert rows[1] == rows[2] == rows[3] and rows[3] != rows[4]


@pytest.mark.parametrize('middle', [0.0, 60.0, 89.999, 90.0, -90.0, 120.0])
def test_angles_give_the_rotation_back(middle: float, rng: np.random.Generator) -> None:
    angles = np.stack([rng.uniform(-180, 180, 50), np.full(50, middle), rng.uniform(-180, 180, 50)])
    matrices = Rotation.from_euler('ZXY', angles.T, degrees=True).as_matrix()
    back = Rotation.from_euler('ZXY', euler_zxy(matrices), degrees=True).as_matrix()
    assert np.abs(back - matrices).max() < 1e-5


def test_angles_run_smoothly_through_half_turns() -> None:
    """Three turns about y while the arm swings over the pole."""
    time = np.linspace(0, 1, 200)
    angles = np.stack([30 * time, 170 * np.sin(4 * time), 1080 * time], axis=1)
    matrices = Rotation.from_euler('ZXY', angles, degrees=True).as_matrix()
    found = euler_zxy(matrices)
    assert np.abs(found - angles).max() < 1e-6


def test_text(table: ResultsTable, body: FreeBody) -> None:
    motion = person_motions(table, body, space='world')[0]
    lines = encode_bvh(motion, fps=30).decode().splitlines()
    assert lines[:2] == ['HIERARCHY', 'ROOT pelvis']
    position = 'CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation'
    assert lines[4].strip() == position
    assert sum(line.strip() == 'End Site' for line in lines) == 5
    with pytest.raises(ValueError, match='fps'):
        encode_bvh(motion, fps=0)
