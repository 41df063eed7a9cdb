"""EFT's pseudo labels."""

import numpy as np
import pytest

from tests.tools.dataset_fixtures import eft
from tests.tools.dataset_fixtures.loading import load_converter
from tests.tools.dataset_fixtures.truth import make_people
from whmr.datasets import load_annotations
from whmr.datasets.conversion import SourceError, convert_split


@pytest.fixture(scope='module')
def tool():
    return load_converter('eft')


def test_numbers(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, 'PIECE', 700)  # records reach over several pieces
    people = make_people(3)
    source = tool.Eft(tmp_path, tmp_path / 'out', labels=eft.write(tmp_path, people))
    monkeypatch.setattr(source, 'units', lambda split: ['0-1', '1-3'])
    convert_split(source, 'train', check=True)
    columns, _ = load_annotations(source.output('train'))
    assert source.output('train').name == 'coco_eft_train.npz'
    np.testing.assert_allclose(columns['keypoints_2d'], people.spin49[0], atol=1e-3)
    np.testing.assert_allclose(columns['global_orient'], people.global_orient, atol=1e-5)
    np.testing.assert_allclose(columns['body_pose'], people.body_pose, atol=1e-5)
    np.testing.assert_allclose(columns['betas'], people.betas, atol=1e-6)
    assert columns['img_path'].tolist() == ['000.png', '001.png', '002.png']


def test_pieces_can_be_read_in_any_order(tool, tmp_path):
    labels = eft.write(tmp_path, make_people(4))
    source = tool.Eft(tmp_path, tmp_path / 'out', labels=labels)
    names = [
        [record['imageName'] for record in source.records(which)]
        for which in (range(2, 4), range(0, 1), range(3, 4))
    ]
    assert names == [['002.png', '003.png'], ['000.png'], ['003.png']]


def test_bad_records(tool, tmp_path):
    people = make_people(6)
    content = eft.records(people)
    content[5]['parm_pose'][3] = 'x'
    del content[0]['parm_pose']
    content[1]['smpltype'] = 'smplx'
    content[2]['parm_pose'][4] = [[1, 0, 0], [0, 1, 0], [0, 0, 2]]
    content[3]['parm_shape'] = [0.0] * 9
    source = tool.Eft(tmp_path, tmp_path / 'out', labels=eft.write(tmp_path, people, content))
    summary = convert_split(source, 'train')
    assert summary.people == 1
    assert [row.reason for row in summary.dropped] == [
        'the record has no parm_pose',
        'the body is no SMPL body',
        'parm_pose holds no rotations',
        'parm_pose or parm_shape has another shape',
        'labels that cannot be read',
    ]


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda text: text[:-200], 'is cut off'),
        (lambda text: text.replace('"data"', '"other"'), "holds no list 'data'"),
        (lambda text: '{"ver": 0.1, "data": []}', 'holds no person'),
    ],
)
def test_wrong_files(tool, tmp_path, change, message):
    labels = eft.write(tmp_path, make_people(2))
    labels.write_text(change(labels.read_text()))
    source = tool.Eft(tmp_path, tmp_path / 'out', labels=labels)
    with pytest.raises(SourceError, match=message):
        convert_split(source, 'train')
