import pytest

from whmr.keypoints import (
    H36M17_TO_J14,
    H36M17_TO_J17,
    JOINT_SETS,
    NUM_OPENPOSE_JOINTS,
    OPENPOSE_TO_SMPL,
    SMPL54_TO_SPIN49,
    SPIN24_TO_J14,
    SPIN24_TO_J17,
    JointSet,
    get_joint_set,
)

SIZES = {
    'smpl24': 24,
    'smpl45': 45,
    'smpl54': 54,
    'spin49': 49,
    'spin24': 24,
    'h36m17': 17,
    'j14': 14,
    'j17': 17,
    'lsp14': 14,
    'coco17': 17,
    'openpose25': 25,
    'blazepose33': 33,
}


def test_every_set_is_there_with_its_size() -> None:
    assert {name: len(joint_set) for name, joint_set in JOINT_SETS.items()} == SIZES


@pytest.mark.parametrize('name', SIZES)
def test_flip_is_an_involution_that_swaps_left_and_right(name: str) -> None:
    joint_set = JOINT_SETS[name]
    flip = joint_set.flip_permutation
    assert sorted(flip) == list(range(len(joint_set)))
    assert [flip[i] for i in flip] == list(range(len(joint_set)))
    for i, j in enumerate(flip):
        one, other = joint_set.joints[i], joint_set.joints[j]
        sided = 'left' in one or 'right' in one
        assert (one != other) == sided
        assert one.replace('left', '').replace('right', '') == other.replace('left', '').replace(
            'right', ''
        )


def test_the_49_joints_name_the_model_joints_they_are_made_of() -> None:
    smpl, spin = JOINT_SETS['smpl54'].joints, JOINT_SETS['spin49'].joints
    assert len(SMPL54_TO_SPIN49) == 49
    # The 24 annotated joints carry the model joint's own name.
    for position, index in list(enumerate(SMPL54_TO_SPIN49))[NUM_OPENPOSE_JOINTS:]:
        assert spin[position] == smpl[index]
    # An OpenPose joint is on the same side as the model joint that stands for it.
    for position, index in list(enumerate(SMPL54_TO_SPIN49))[:NUM_OPENPOSE_JOINTS]:
        name = spin[position].removeprefix('op_')
        assert OPENPOSE_TO_SMPL[spin[position]] == smpl[index]
        assert name == smpl[index] or (name, smpl[index]) == ('mid_hip', 'pelvis')


def test_spin49_is_openpose_then_spin24() -> None:
    spin49 = JOINT_SETS['spin49'].joints
    assert spin49[:NUM_OPENPOSE_JOINTS] == JOINT_SETS['openpose25'].joints
    assert spin49[NUM_OPENPOSE_JOINTS:] == JOINT_SETS['spin24'].joints


def test_protocol_tables_lead_to_the_same_joints_from_both_sources() -> None:
    h36m, spin24 = JOINT_SETS['h36m17'].joints, JOINT_SETS['spin24'].joints
    j17 = tuple(spin24[i] for i in SPIN24_TO_J17)
    assert tuple(h36m[i] for i in H36M17_TO_J17) == j17 == JOINT_SETS['j17'].joints
    j14 = tuple(spin24[i] for i in SPIN24_TO_J14)
    assert tuple(h36m[i] for i in H36M17_TO_J14) == j14
    # The set of this name ends in the head top, for which the protocol has Human3.6M's head.
    assert j14[:13] == JOINT_SETS['j14'].joints[:13]
    assert (j14[13], JOINT_SETS['j14'].joints[13]) == ('head_h36m', 'head_top_lsp')


def test_numbers_of_the_protocol() -> None:
    assert H36M17_TO_J14 == (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10)
    assert H36M17_TO_J17 == (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10, 0, 7, 9)
    assert SPIN24_TO_J17 == (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 18, 14, 16, 17)


def test_smpl_flip_is_the_known_one() -> None:
    known = (0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22)
    assert JOINT_SETS['smpl24'].flip_permutation == known


def test_index_and_membership() -> None:
    joint_set = JOINT_SETS['coco17']
    assert joint_set.index('left_wrist') == 9
    assert 'left_wrist' in joint_set
    assert 'tail' not in joint_set
    with pytest.raises(KeyError, match=r'coco17 has no joint .*tail'):
        joint_set.index('tail')


def test_a_name_may_not_occur_twice() -> None:
    with pytest.raises(ValueError, match='mine: a joint name occurs twice'):
        JointSet('mine', ('nose', 'neck', 'nose'))


def test_unknown_set_is_named_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r'unknown joint set .*coco18.*coco17'):
        get_joint_set('coco18')


def test_the_table_is_read_only() -> None:
    with pytest.raises(TypeError):
        JOINT_SETS['mine'] = JointSet('mine', ('nose',))
