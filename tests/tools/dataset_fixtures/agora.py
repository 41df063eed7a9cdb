"""AGORA as its download page gives it, for a few photos.

Layout: `Cam/<split>_0_SMPL_withjv.pkl` (a pandas table as pandas 1.x pickles it, made without
pandas; columns as in the evaluation code's docs/gt_dataframe.md: a row per photo, a list per
person), `GT_fits/smpl_gt/<set>/<scan>.obj` and `.pkl` (tensors that need gradients, as in the real
files), `<split>/..._1280x720.png`. Scans stand upright in their own frame and are placed in the
scene by X, Y, Z and Yaw; the camera looks down by `pitch`.
"""

import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from tests.tools.dataset_fixtures.truth import (
    People,
    make_people,
    to_axis_angle,
    to_rotmat,
    write_photo,
)

SHAPE = (720, 1280)
FOCAL = 28.0 / 36.0 * SHAPE[1]  # px: 28 mm on a sensor 36 mm wide
SET = 'smpl_gt/trainset_3dpeople_adults_bfh'


def scene(num: int, seed: int, pitch: float = 0.26) -> People:
    """People in a photo; AGORA's cameras do not roll."""
    return make_people(num, seed=seed, ori_shape=SHAPE, focal=FOCAL, pitch=pitch)


def photo_name(number: int) -> str:
    """What a table calls a photo."""
    return f'ag_trainset_3dpeople_bfh_archviz_5_10_cam02_{number:05d}.png'


def write(folder: Path, scenes: list[People], *, split: str = 'train') -> dict[str, list[Any]]:
    """Everything; returns the columns of the table, for tests that change them."""
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for number, people in enumerate(scenes):
        name = photo_name(number)
        write_photo(folder / split / name.replace('.png', '_1280x720.png'), SHAPE, number)
        rows = [_person(folder, people, i, f'scan_{number}_{i}') for i in range(len(people.betas))]
        columns['imgPath'].append(name)
        for key in COLUMNS[1:]:
            columns[key].append([row[key] for row in rows] if key in rows[0] else 135.0)
    write_table(folder / 'Cam' / f'{split}_0_SMPL_withjv.pkl', columns)
    return columns


COLUMNS = (
    *('imgPath', 'X', 'Y', 'Z', 'Yaw', 'camX', 'camY', 'camZ', 'camYaw', 'gender', 'kid'),
    *('occlusion', 'isValid', 'age', 'ethnicity', 'gt_path_smpl'),
    *('gt_joints_2d', 'gt_joints_3d', 'gt_verts'),
)


def _person(folder: Path, people: People, index: int, scan: str) -> dict[str, Any]:
    angle = 0.7 * (index + 1)  # what Yaw and the camera's yaw make together
    turn = np.array([0.0, angle, 0.0])
    rotmat = people.world2cam @ to_rotmat(turn) @ np.diag([1.0, -1.0, -1.0])
    pelvis, translation = people.pelvis[index], np.array([0.02, 1.1, -0.03])
    shift = pelvis + people.cam_t[index] - rotmat @ (pelvis + translation)
    fit = folder / 'GT_fits' / SET / f'{scan}.obj'
    fit.parent.mkdir(parents=True, exist_ok=True)
    vertices = (people.vertices[index] - shift) @ rotmat
    lines = ['# a fit', *('v {:.6f} {:.6f} {:.6f}'.format(*vertex) for vertex in vertices)]
    fit.write_text('\n'.join([*lines, 'f 1 2 3', '']))
    root = to_axis_angle(rotmat.T @ to_rotmat(people.global_orient[index]))
    content = dict(
        root_pose=root[None, None],
        body_pose=people.body_pose[index].reshape(1, 23, 3),
        betas=people.betas[index][None],
        translation=translation[None],
    )
    tensors = {key: torch.nn.Parameter(torch.tensor(value)) for key, value in content.items()}
    fit.with_suffix('.pkl').write_bytes(pickle.dumps(tensors, protocol=4))
    return dict(
        X=100.0 * index, Y=-50.0, Z=0.0, Yaw=float(np.degrees(angle)),
        gender=('male', 'female')[index % 2], kid=False, occlusion=12.5, isValid=True,
        age='31-50', ethnicity='caucasian', gt_path_smpl=f'{SET}/{scan}.obj',
        gt_joints_2d=people.points[index, :45] * 3, gt_joints_3d=people.joints[index, :45],
        gt_verts=people.vertices[index],
    )  # fmt: skip


class _Call:
    """Pickled as the call of a function, perhaps with a state."""

    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> tuple:
        return self.reduced


def write_table(path: Path, columns: dict[str, list[Any]]) -> None:
    """A pickled pandas table of objects, in the form of pandas 1.0."""
    num = len(columns['imgPath'])
    values = np.empty((len(columns), num), object)
    for row, column in enumerate(columns.values()):
        for place, value in enumerate(column):
            values[row, place] = value
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_pandas(name)}

    def foreign(module: str, name: str) -> type:
        for end in range(1, module.count('.') + 2):
            part = '.'.join(module.split('.')[:end])
            sys.modules.setdefault(part, ModuleType(part))
        cls = type(name, (), {'__module__': module})
        setattr(sys.modules[module], name, cls)
        return cls

    try:
        base = 'pandas.core.indexes'
        new_index = foreign(f'{base}.base', '_new_Index')
        names = dict(data=np.array(list(columns), object), name=None)
        rows = dict(name=None, start=0, stop=num, step=1)
        axes = [
            _Call(new_index, (foreign(f'{base}.base', 'Index'), names)),
            _Call(new_index, (foreign(f'{base}.range', 'RangeIndex'), rows)),
        ]
        blocks = [dict(values=values, mgr_locs=slice(0, len(columns), 1))]
        extra = {'0.14.1': dict(axes=axes, blocks=blocks)}
        manager = foreign('pandas.core.internals.managers', 'BlockManager')
        table = foreign('pandas.core.frame', 'DataFrame')()
        table._data = _Call(manager, (), (axes, [values], [axes[0]], extra))
        table._typ = 'dataframe'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(table, protocol=4))
    finally:
        for name in [name for name in sys.modules if _is_pandas(name)]:
            del sys.modules[name]
        sys.modules.update(before)


def _is_pandas(module: str) -> bool:
    return module.split('.')[0] == 'pandas'
