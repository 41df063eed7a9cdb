"""`.npz` files with pickled objects in them."""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from whmr.fileio import (
    NUMPY,
    TORCH,
    UnsafePickleError,
    load_npz,
    loads_pickle,
    read_tar_member,
    tar_member,
)


class Evil:
    """What a pickle must not be able to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize('save', [np.savez, np.savez_compressed])
def test_plain_arrays_and_objects(tmp_path, save):
    mixed = np.array([[1, None], ['a', 2.5]], dtype=object)
    smpl = {'betas': np.arange(3.0), 'gender': ['m', 'f']}
    numbers = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    save(tmp_path / 'a.npz', numbers=numbers, names=np.array(['x', 'ü']), smpl=smpl, mixed=mixed)
    arrays = load_npz(tmp_path / 'a.npz')
    assert list(arrays) == ['numbers', 'names', 'smpl', 'mixed']
    np.testing.assert_array_equal(arrays['numbers'], numbers)
    assert arrays['names'].tolist() == ['x', 'ü']
    found = arrays['smpl'].item()
    assert found['gender'] == ['m', 'f'] and found['betas'].tolist() == [0, 1, 2]
    assert arrays['mixed'].tolist() == mixed.tolist()
    assert list(load_npz(tmp_path / 'a.npz', names=('names', 'other'))) == ['names']


def test_code_in_objects_is_not_run(tmp_path):
    trap = Evil(tmp_path / 'ran')
    np.savez(tmp_path / 'a.npz', good=np.arange(2), bad=np.array({'x': trap}, dtype=object))
    with pytest.raises(UnsafePickleError, match=r"a\.npz: 'bad' is refused"):
        load_npz(tmp_path / 'a.npz')
    assert not trap.folder.exists()
    assert load_npz(tmp_path / 'a.npz', names=('good',))['good'].tolist() == [0, 1]


def test_damaged_files(tmp_path):
    path = tmp_path / 'a.npz'
    with pytest.raises(FileNotFoundError, match='is missing'):
        load_npz(path)
    np.savez(path, numbers=np.arange(1000))
    data = path.read_bytes()
    path.write_bytes(data[:-300])
    with pytest.raises(ValueError, match=r'no whole \.npz'):
        load_npz(path)
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('numbers.npy', b'something else')
    with pytest.raises(ValueError, match="'numbers' is no array"):
        load_npz(path)


def test_tensors_in_pickles_come_as_arrays():
    whole = torch.arange(12.0).reshape(3, 4)
    content = dict(
        part=whole[:, 1:3],
        turned=torch.arange(6).reshape(2, 3).T,
        parameter=torch.nn.Parameter(torch.tensor([1.5])),
        empty=torch.zeros(0, 3),
        one=torch.tensor(3.0, dtype=torch.float64),
    )
    for protocol in (2, 4):
        found = loads_pickle(pickle.dumps(content, protocol), 'memory', allowed=NUMPY | TORCH)
        for name, tensor in content.items():
            assert isinstance(found[name], np.ndarray)
            assert found[name].dtype == tensor.detach().numpy().dtype
            np.testing.assert_array_equal(found[name], tensor.detach().numpy())


class _Call:
    def __init__(self, *reduced) -> None:
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


def test_tensors_cannot_look_beyond_their_numbers(tmp_path):
    rebuild = torch._utils._rebuild_tensor_v2
    numbers = torch.arange(4.0)
    storage = numbers.__reduce_ex__(2)[1][0]
    for offset, size, stride in ((2, (3,), (1,)), (0, (2,), (9,)), (-1, (2,), (1,))):
        bad = _Call(rebuild, (storage, offset, size, stride, False, {}))
        with pytest.raises(ValueError, match='looks beyond'):
            loads_pickle(pickle.dumps(bad), 'memory', allowed=NUMPY | TORCH)
    trap = Evil(tmp_path / 'ran')
    load = torch.storage._load_from_bytes
    with pytest.raises(ValueError, match='cannot be read'):
        loads_pickle(
            pickle.dumps(_Call(load, (pickle.dumps(trap, 2),))), 'memory', allowed=NUMPY | TORCH
        )
    assert not trap.folder.exists()


def test_tar_member_paths(tmp_path):
    tar = tmp_path / 'x.tar'
    tar.write_bytes(bytes(range(100)))
    member = tar_member(f'{tar}/10-14/a/photo.jpg')
    assert member.name == 'a/photo.jpg' and tar_member(member.path) == member
    assert read_tar_member(member) == bytes([10, 11, 12, 13])
    with pytest.raises(OSError, match='ends at byte 100'):
        read_tar_member(tar_member(f'{tar}/98-120/photo.jpg'))
    assert tar_member('images/tar/10.jpg') is None
    assert tar_member('images/x.tar/photo.jpg') is None
