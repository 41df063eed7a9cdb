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
    names = ('evaluation', 'folder', 'model', 'recompute', 'rows', 'training')
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


VARIANTS = {  # and the one whose recorded inputs fit it
    'a_vitpose_markers': 'a_vitpose_markers',
    'b_res50_vertices': 'b_res50_vertices',
    'c_vitpose_vertices': 'a_vitpose_markers',
    'd_res50_markers': 'b_res50_vertices',
}


@pytest.fixture(scope='module')
def recorded(tool: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What builds a variant on our own copy of the recorded inputs, whatever else is compared."""
    return tool.report.Checker(DEFAULT, tmp_path_factory.mktemp('recorded'))


def make_variant(
    tool: SimpleNamespace, recorded: Any, name: str, stage: int | None
) -> tuple[Any, Any, dict[str, torch.Tensor]]:
    """A variant with the release's weights, and a case with inputs for it."""
    kind = 'eval' if stage is None else 'train'
    end = '' if stage is None else '_stage1'
    case = tool.folder.Case(DEFAULT / f'{kind}_{VARIANTS[name]}{end}.npz', name, stage)
    weights = recorded.folder.state_dict(name)
    variant = tool.model.build_variant(recorded.folder, name, stage, recorded.body, weights)
    return case, variant, weights


@pytest.mark.slow
@pytest.mark.parametrize('name', sorted(VARIANTS))
def test_every_variant_follows_the_formulas(
    name: str, tool: SimpleNamespace, recorded: Any
) -> None:
    """All that follows the feature maps, against a second writing of the method in float64."""
    case, variant, weights = make_variant(tool, recorded, name, None)
    maps: list[Any] = []
    handle = variant.model.estimator.neck.register_forward_hook(lambda *args: maps.append(args[2]))
    ours = tool.evaluation.forward(recorded.folder, case, variant)
    handle.remove()
    landmarks = recorded.body.landmarks_table.index
    formulas = tool.recompute.Recomputation(recorded.folder, name, weights, landmarks)
    boxes = ('center', 'bbox_height', 'orig_shape')
    expected = formulas.forward(maps[0], {key: case.tensor(key, torch.float64) for key in boxes})
    expected['global_rotmat'] = formulas.orient(
        expected['body_feat'], ours['cam_rotmat'], expected['s3_rotmat'][:, :1]
    )
    rows = []
    for key, value in expected.items():
        allowed = tool.rows.output_tolerance(key, value.numpy(), variant.noise)
        found = ours[key].reshape(value.shape).numpy()
        rows.append(tool.rows.compare(name, 'formula', key, found, value.numpy(), allowed))
    print(*tool.rows.worst(rows), sep='\n')
    assert len(rows) >= 32
    assert not [str(row) for row in rows if not row.agrees]


@pytest.mark.slow
@pytest.mark.parametrize('name', sorted(VARIANTS))
def test_gradients_of_stage_two_go_where_the_method_says(
    name: str, tool: SimpleNamespace, recorded: Any
) -> None:
    """Stage II of every variant, term by term, on the release's weights and training inputs."""
    case, variant, _ = make_variant(tool, recorded, name, 2)
    model = variant.model.estimator.requires_grad_(True).train()
    crop = recorded.folder.image(case.data['in_crop_u8'], tool.evaluation.CROP_REPEAT)
    metas = tool.model.crop_metas(case, crop)
    targets = tool.training.make_targets(case, model, variant.is_vit, torch.float32)
    leaves: list[torch.Tensor] = []

    def cut(*args: Any) -> list[torch.Tensor]:
        leaves.extend(each.detach().requires_grad_() for each in args[2])
        return leaves

    with torch.no_grad():
        maps = model.neck(model.backbone(crop))
    model.backbone, model.neck = torch.nn.Identity(), torch.nn.Identity()
    model.neck.register_forward_hook(lambda *args: cut(*args[:2], maps))
    output = model.refine({'crop': crop}, metas)
    losses = tool.training.all_losses(case, model, output, metas, targets)
    hybrid = bool(model.vertex_regressors)
    parts = {f'map{number}': leaf for number, leaf in enumerate(leaves, start=1)}
    parts |= {key: value for key, value in model.named_parameters() if 'key.bias' not in key}
    for term, loss in losses.items():
        found = torch.autograd.grad(loss, [*parts.values()], retain_graph=True, allow_unused=True)
        reached = {
            _group(key)
            for key, gradient in zip(parts, found, strict=True)
            if gradient is not None and gradient.abs().max() > 0
        }
        assert reached == _expected(term, hybrid), term
    assert len(losses) == 3 * 6 + 3 + 5  # no focal loss in stage II


def _group(key: str) -> str:
    """A parameter's place: the layers of a regressor apart, all else by module."""
    head, *rest = key.split('.')
    if head == 'regressors':
        return f'{head}.{rest[0]}.{rest[1] if rest[1].startswith("decode") else "fc"}'
    return f'{head}.{rest[0]}' if head == 'extractors' else head


def _expected(term: str, hybrid: bool) -> set[str]:
    """Where a term of the release sends gradient in stage II."""
    auxiliary = {'loss_Depth-1': {'map3', 'depth_head'}}
    auxiliary |= {f'loss_{n}-1': {'map3', 'iuv_head'} for n in ('U', 'V', 'IndexUV', 'segAnn')}
    if term in auxiliary:
        return auxiliary[term]
    kind, step = term.removeprefix('loss_').rsplit('_', 1)
    number = min(int(step), 2) if hybrid else int(step)  # the last with pose, shape and camera
    index = number - 1

    def through(*decoders: str) -> set[str]:
        layers = {f'regressors.{index}.{n}' for n in ('fc', *decoders)}
        return {f'map{number}', f'extractors.{index}'} | layers

    body = through('decode_pose', 'decode_betas')
    if hybrid and step == '3':
        body = {'map3', 'extractors.2', 'vertex_regressors'}
    return {
        'keypoints': through('decode_cam'),
        'keypoints_world': body | {'focal_head', 'map3'},
        'keypoints_3d': body,
        'regr_pose': through('decode_pose'),
        'regr_betas': through('decode_betas'),
        'cam': through('decode_cam'),
        'shape': body,
        'shape_sub': body,
        'shape_temp': body,
    }[kind]


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
