"""Our models compute what the authors' release computes, number by number.

The runs that are compared are all `eval_*.npz` and `train_*_stage*.npz` in the folder that the
environment variable `WHMR_REFERENCE_DIR` names, by default our copy in `tests/data/reference`. What
is compared, and how far it may be off, is said in `tools/analysis/reference_report.py` and
`tools/analysis/reference_checks/rows.py`. `pytest -rA tests/test_reference.py` shows the worst
differences.
"""

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

TOOLS = Path(__file__).resolve().parents[1] / 'tools' / 'analysis'
DEFAULT = Path(__file__).resolve().parent / 'data' / 'reference'
FOLDER = Path(os.environ.get('WHMR_REFERENCE_DIR', DEFAULT))
RUNS = sorted(
    (
        path.stem
        for pattern in ('eval_*.npz', 'train_*_stage*.npz')
        for path in FOLDER.glob(pattern)
    ),
    key=lambda stem: stem.split('_', 1)[1],  # those of a variant follow each other
)
# Following a term's gradient through a whole backbone takes seconds. It is done for one term of
# each path into the backbone; for all others, whether the gradient arrives there is checked, and
# for their sum every parameter's gradient. `reference_report.py` follows all of them.
BACKBONE_TERMS = ('loss_keypoints_3d_1',)


@pytest.fixture(scope='module')
def tool() -> Iterator[SimpleNamespace]:
    """The tool's modules; two threads, as in the release's runs."""
    pytest.importorskip('smplx')
    patch, threads = pytest.MonkeyPatch(), torch.get_num_threads()
    patch.syspath_prepend(str(TOOLS))
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    names = ('folder', 'rows')
    yield SimpleNamespace(
        report=importlib.import_module('reference_report'),
        **{name: importlib.import_module(f'reference_checks.{name}') for name in names},
    )
    torch.set_num_threads(threads)
    for name in [n for n in sys.modules if n.startswith('reference_')]:
        del sys.modules[name]
    patch.undo()


@pytest.fixture(scope='module')
def checker(tool: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What compares a run; it keeps the weights of the last variant."""
    return tool.report.Checker(FOLDER, tmp_path_factory.mktemp('reference'))


def test_there_are_runs_to_compare() -> None:
    assert RUNS, f'{FOLDER} holds no eval_*.npz and no train_*_stage*.npz'


@pytest.mark.parametrize('run', RUNS)
def test_agrees_with_the_release(run: str, checker: Any, tool: SimpleNamespace) -> None:
    case = next(case for case in checker.cases() if case.name == run)
    rows = checker.check(case, BACKBONE_TERMS)
    print(*tool.rows.worst(rows), sep='\n')
    wrong = [str(row) for row in rows if not row.agrees]
    assert len(rows) > 80
    assert not wrong, f'{len(wrong)} of {len(rows)} disagree:\n' + '\n'.join(wrong)


def test_an_empty_folder_is_an_error(tool: SimpleNamespace, tmp_path: Path, capsys) -> None:
    assert tool.report.main([str(tmp_path)]) == 2
    assert 'holds no eval_*.npz' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('ours', 'agrees'),
    [
        (np.array([1.0, 2.0]), True),
        (np.array([1.0, 2.0 + 1e-4]), True),
        (np.array([1.0, 2.0 + 1e-2]), False),
        (np.array([1.0, np.nan]), False),
        (np.array([1.0]), False),
        (np.empty(0), False),
    ],
)
def test_comparison_can_fail(tool: SimpleNamespace, ours: np.ndarray, agrees: bool) -> None:
    row = tool.rows.compare('case', 'output', 'name', ours, np.array([1.0, 2.0]), 1e-3)
    assert row.agrees is agrees and ('DISAGREES' in str(row)) is not agrees


def test_packed_pose_directions_come_back(tool: SimpleNamespace) -> None:
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(4, 9)), rng.normal(size=(23, 9, 27))
    arrays = dict(
        v_template=np.zeros((3, 3)),
        posedirs_joint=np.array([0, 0, 22, 5]),
        posedirs_vertex=np.array([0, 2, 1, 1]),
        posedirs_left=left,
        posedirs_right=right,
    )
    dirs = tool.folder.unpack_posedirs(arrays).reshape(3, 3, 23, 9)
    np.testing.assert_allclose(dirs[2, :, 0].ravel(), left[1] @ right[0])
    np.testing.assert_allclose(dirs[1, :, 22].ravel(), left[2] @ right[22])
    assert np.count_nonzero(dirs.any(axis=(1, 3))) == 4
