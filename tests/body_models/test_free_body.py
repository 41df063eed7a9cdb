"""The free body: values against smplx, symmetry, gradients, inputs, export."""

import copy
import subprocess
import sys
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from whmr.body_models import BodyModel, FreeBody, load_free_body_arrays
from whmr.geometry import axis_angle_to_rotmat, rotmat_to_axis_angle
from whmr.keypoints import H36M17_TO_J14, JOINT_SETS
from whmr.registry import BODY_MODELS

from .conftest import random_pose, smplx_model

SMPL54 = JOINT_SETS['smpl54']
MIRROR = torch.diag(torch.tensor([-1.0, 1.0, 1.0]))


def rest_pose(batch: int = 1) -> dict[str, Tensor]:
    """The T-pose."""
    eye = torch.eye(3)
    return {
        'betas': torch.zeros(batch, 10),
        'global_orient': eye.expand(batch, 1, 3, 3),
        'body_pose': eye.expand(batch, 23, 3, 3),
    }


def mirrored(pose: dict[str, Tensor]) -> dict[str, Tensor]:
    """The pose seen in a mirror: sides swapped, rotations conjugated."""
    swap = torch.tensor(JOINT_SETS['smpl24'].flip_permutation)
    rotations = torch.cat([pose['global_orient'], pose['body_pose']], dim=1)[:, swap]
    rotations = MIRROR @ rotations @ MIRROR
    return dict(pose, global_orient=rotations[:, :1], body_pose=rotations[:, 1:])


def test_equals_smplx_on_the_same_arrays(body, arrays, pose) -> None:
    out = body(**pose)
    expected = smplx_model(arrays)(**pose, pose2rot=False)
    assert (out.vertices - expected.vertices).abs().max() < 1e-5
    assert (out.joints[:, :24] - expected.joints[:, :24]).abs().max() < 1e-5


def test_gradient_equals_smplx(body, arrays, pose) -> None:
    def gradients(model, **kwargs) -> list[Tensor]:
        leaves = {name: value.clone().requires_grad_() for name, value in pose.items()}
        (model(**leaves, **kwargs).vertices ** 2).sum().backward()
        return [leaf.grad for leaf in leaves.values()]

    for ours, theirs in zip(gradients(body), gradients(smplx_model(arrays), pose2rot=False)):
        assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()


def test_runs_without_smplx(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['smplx'] = None\n"
        'import torch\n'
        'from whmr.body_models import FreeBody\n'
        'out = FreeBody()(torch.zeros(1, 10), torch.zeros(1, 3), torch.zeros(1, 69))\n'
        'assert out.vertices.shape == (1, 6890, 3)\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('layout', ['matrix', 'vector', 'flat'])
def test_every_layout_of_rotations_means_the_same(body, pose, layout: str) -> None:
    expected = body(**pose)
    orient, rest = pose['global_orient'], pose['body_pose']
    if layout != 'matrix':
        orient, rest = rotmat_to_axis_angle(orient), rotmat_to_axis_angle(rest)
    if layout == 'flat':
        orient, rest = orient.flatten(1), rest.flatten(1)
    out = body(pose['betas'], orient, rest)
    assert (out.vertices - expected.vertices).abs().max() < 1e-5
    assert (out.joints - expected.joints).abs().max() < 1e-5


def test_matrices_are_used_as_given(body, pose) -> None:
    """Twice the root matrix is a body of twice the size about its pelvis: nothing is normalised."""
    out = body(**pose)
    twice = body(**dict(pose, global_orient=2 * pose['global_orient']))
    pelvis = out.joints[:, :1]
    torch.testing.assert_close(twice.joints[:, :1], pelvis)
    expected = pelvis + 2 * (out.vertices - pelvis)
    torch.testing.assert_close(twice.vertices, expected, atol=1e-5, rtol=0)


def test_turns_about_the_pelvis_without_moving_it(body, pose) -> None:
    upright = body(**dict(pose, global_orient=torch.eye(3).expand(5, 1, 3, 3)))
    turned = body(**pose)
    pelvis = upright.joints[:, :1]
    torch.testing.assert_close(turned.joints[:, :1], pelvis)
    expected = pelvis + (upright.vertices - pelvis) @ pose['global_orient'][:, 0].mT
    torch.testing.assert_close(turned.vertices, expected, atol=1e-5, rtol=0)


def test_translation_moves_vertices_and_joints(body, pose) -> None:
    shift = torch.randn(5, 3)
    still, moved = body(**pose), body(**pose, transl=shift)
    torch.testing.assert_close(moved.vertices, still.vertices + shift[:, None])
    torch.testing.assert_close(moved.joints, still.joints + shift[:, None])


def test_one_of_a_batch_equals_a_batch_of_one(body, pose) -> None:
    whole = body(**pose)
    one = body(**{name: value[2:3] for name, value in pose.items()})
    torch.testing.assert_close(one.vertices, whole.vertices[2:3], atol=1e-6, rtol=0)
    torch.testing.assert_close(one.joints, whole.joints[2:3], atol=1e-6, rtol=0)


def test_an_empty_batch_gives_an_empty_batch(body, generator) -> None:
    out = body(**random_pose(0, generator))
    assert out.vertices.shape == (0, 6890, 3) and out.joints.shape == (0, 54, 3)
    assert body.pyramid.up(body.pyramid.down(out.vertices, 2), 2).shape == (0, 6890, 3)


def test_mirrored_pose_gives_the_mirrored_body(body, pose) -> None:
    out, other = body(**pose), body(**mirrored(pose))
    expected = out.vertices[:, body.mirror] @ MIRROR
    assert (other.vertices - expected).abs().max() < 1e-4
    swap = torch.tensor(SMPL54.flip_permutation)
    assert (other.joints - out.joints[:, swap] @ MIRROR).abs().max() < 1e-4
    h36m = torch.tensor(JOINT_SETS['h36m17'].flip_permutation)
    joints = body.regress(out.vertices, 'h36m17')[:, h36m] @ MIRROR
    assert (body.regress(other.vertices, 'h36m17') - joints).abs().max() < 1e-4


def test_mirror_is_not_the_identity(body) -> None:
    assert (body.mirror[body.mirror] == torch.arange(6890)).all()
    assert (body.mirror != torch.arange(6890)).sum() > 6000


def test_model_frame(body) -> None:
    """T-pose: y up, facing +z, left = +x, metres, of a person's size."""
    out = body(**rest_pose())
    joint = {name: out.joints[0, i] for i, name in enumerate(SMPL54.joints)}
    assert joint['head_top_lsp'][1] > joint['pelvis'][1] > joint['left_heel'][1]
    assert joint['nose'][2] > joint['head'][2]
    assert joint['left_wrist'][0] > 0.5 and joint['right_wrist'][0] < -0.5
    height = out.vertices[0, :, 1].max() - out.vertices[0, :, 1].min()
    assert 1.6 < height < 1.8


def test_regressed_joints_lie_where_they_should(body) -> None:
    out = body(**rest_pose())
    joint = {name: out.joints[0, i] for i, name in enumerate(SMPL54.joints)}
    top = out.vertices[0, :, 1].max()
    assert top - joint['head_top_lsp'][1] < 0.01
    height = [joint[n][1] for n in ('pelvis_mpii', 'spine_h36m', 'thorax_mpii', 'neck_lsp')]
    height += [joint[n][1] for n in ('jaw_h36m', 'head_h36m', 'head_top_lsp')]
    assert all(low < high for low, high in pairwise(height))
    for side in ('left', 'right'):
        assert torch.dist(joint[f'{side}_hip_lsp'], joint[f'{side}_hip']) < 0.03
    for name in ('pelvis_mpii', 'spine_h36m', 'neck_lsp', 'jaw_h36m', 'head_top_lsp'):
        assert abs(joint[name][0]) < 1e-5


def test_j14_protocol_picks_the_right_joints(body, pose) -> None:
    """The protocol's indices pick, by place, the joints whose names the set j14 says."""
    out = body(**pose)
    picked = body.regress(out.vertices, 'h36m17')[:, list(H36M17_TO_J14)]
    expected = out.joints[:, [SMPL54.index(name) for name in JOINT_SETS['j14'].joints]]
    distance = (picked - expected).norm(dim=-1)
    limbs = [0, 1, 4, 5, 6, 7, 8, 9, 10, 11]
    assert distance[:, limbs].max() < 0.02  # read off the posed skin, not from the chain
    assert distance[:, [2, 3, 12]].max() < 1e-5  # the same rows
    assert distance[:, 13].max() < 0.06  # head against head top


@pytest.mark.parametrize('posed', [False, True])
def test_joints_from_vertices_are_near_the_joints(body, pose, posed: bool) -> None:
    out = body(**(pose if posed else dict(rest_pose(5), betas=pose['betas'])))
    error = (body.joints_from_vertices(out.vertices) - out.joints).norm(dim=-1)
    assert error[:, 24:].max() < 1e-6  # landmarks and extras are read off the skin in both
    assert error[:, :24].mean() < 0.005 and error.max() < 0.03


def test_joints49_is_the_table_of_names(body, pose) -> None:
    joints = body(**pose).joints
    names = JOINT_SETS['spin49'].joints
    out = body.joints49(joints)
    for name in ('left_knee', 'right_hip_lsp', 'head_top_lsp', 'nose', 'right_ear'):
        torch.testing.assert_close(out[:, names.index(name)], joints[:, SMPL54.index(name)])
    assert out.shape == (5, 49, 3)


def test_mean_params_stand_upright_and_face_the_camera(body) -> None:
    mean = body.mean_params
    torch.testing.assert_close(mean.global_orient[0], torch.diag(torch.tensor([1.0, -1.0, -1.0])))
    out = body(mean.betas[None], mean.global_orient[None], mean.body_pose[None])
    joint = {name: out.joints[0, i] for i, name in enumerate(SMPL54.joints)}
    assert joint['head_top_lsp'][1] < joint['pelvis'][1] < joint['left_ankle'][1]  # y is down
    assert joint['nose'][2] < joint['head'][2]  # toward the camera
    assert joint['left_wrist'][0] > 0  # the person's left is on the picture's right
    for side in ('left', 'right'):
        assert joint[f'{side}_wrist'][1] > joint[f'{side}_shoulder'][1] + 0.2  # arms are lowered
    swap = torch.tensor(SMPL54.flip_permutation)
    torch.testing.assert_close(out.joints[:, swap] @ MIRROR, out.joints, atol=1e-4, rtol=0)
    assert mean.weak_cam.tolist() == pytest.approx([0.9, 0, 0])


def test_checkpoint_holds_nothing_of_the_body(body) -> None:
    assert not body.state_dict()
    assert not list(body.parameters())


def test_moves_and_copies_as_one(body, pose) -> None:
    double = copy.deepcopy(body).double()
    out = double(**{name: value.double() for name, value in pose.items()})
    assert out.vertices.dtype == torch.float64
    assert double.mean_params.betas.dtype == torch.float64
    assert body.blend_dirs.dtype == torch.float32
    torch.testing.assert_close(out.vertices.float(), body(**pose).vertices, atol=1e-5, rtol=0)


def test_keeps_its_precision_under_autocast(body, pose) -> None:
    expected = body(**pose).vertices
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = body(**{name: value.bfloat16() for name, value in pose.items()})
        full = body(**pose)
    assert out.vertices.dtype == torch.float32
    torch.testing.assert_close(full.vertices, expected)


def test_gradcheck(generator) -> None:
    body = FreeBody().double()
    pose = random_pose(1, generator)
    orient = rotmat_to_axis_angle(pose['global_orient']).double().requires_grad_()
    rest = pose['body_pose'].double().requires_grad_()
    betas = pose['betas'].double().requires_grad_()

    def some(betas: Tensor, orient: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
        out = body(betas, orient, rest)
        return out.vertices[:, ::200], out.joints

    assert torch.autograd.gradcheck(some, (betas, orient, rest), fast_mode=True)


def test_every_input_gets_gradient_of_every_output(body, pose) -> None:
    for select in (lambda out: out.vertices, lambda out: out.joints):
        leaves = {name: value.clone().requires_grad_() for name, value in pose.items()}
        transl = torch.zeros(5, 3, requires_grad=True)
        select(body(**leaves, transl=transl)).pow(2).sum().backward()
        for leaf in (*leaves.values(), transl):
            assert torch.isfinite(leaf.grad).all() and leaf.grad.abs().sum() > 0
    assert (leaves['body_pose'].grad.abs().amax(dim=(0, 2, 3)) > 0).all()


@pytest.mark.parametrize('num_betas', [1, 4])
def test_fewer_betas_are_the_first_ones(body, num_betas: int) -> None:
    small = FreeBody(num_betas)
    betas = torch.randn(2, num_betas)
    pose = dict(rest_pose(2), betas=betas)
    padded = dict(pose, betas=torch.nn.functional.pad(betas, (0, 10 - num_betas)))
    torch.testing.assert_close(small(**pose).vertices, body(**padded).vertices)
    assert small.mean_params.betas.shape == (num_betas,)


@pytest.mark.parametrize('num_betas', [0, 11])
def test_impossible_betas_are_refused(num_betas: int) -> None:
    with pytest.raises(ValueError, match='num_betas'):
        FreeBody(num_betas)


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('betas', torch.zeros(5, 9)),
        ('betas', torch.zeros(10)),
        ('betas', torch.zeros(4, 10)),
        ('global_orient', torch.zeros(5, 2, 3)),
        ('global_orient', torch.zeros(5, 3, 3)),
        ('body_pose', torch.zeros(5, 72)),
        ('body_pose', torch.zeros(5, 24, 3, 3)),
    ],
)
def test_wrong_shape_is_named(body, pose, name: str, value: Tensor) -> None:
    with pytest.raises(ValueError, match=name):
        body(**dict(pose, **{name: value}))


def test_onnx_export_agrees(body, tmp_path: Path, generator) -> None:
    onnxruntime = pytest.importorskip('onnxruntime')
    pytest.importorskip('onnx')
    path, names = tmp_path / 'body.onnx', ('betas', 'global_orient', 'body_pose')
    example = random_pose(2, generator)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # shape checks of a traced forward; the old exporter
        torch.onnx.export(
            body,
            tuple(example[name] for name in names),
            str(path),
            dynamo=False,
            input_names=list(names),
            output_names=['vertices', 'joints'],
            dynamic_axes={name: {0: 'batch'} for name in (*names, 'vertices', 'joints')},
        )
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    pose = random_pose(3, generator)
    found = session.run(None, {name: value.numpy() for name, value in pose.items()})
    for ours, exported in zip(body(**pose), found):
        assert np.abs(ours.numpy() - exported).max() < 1e-5


def test_torch_export_agrees(body, generator) -> None:
    batch = {0: torch.export.Dim('batch')}
    example = tuple(random_pose(2, generator).values())
    program = torch.export.export(body, example, dynamic_shapes=(batch,) * 3)
    pose = tuple(random_pose(4, generator).values())
    torch.testing.assert_close(program.module()(*pose).vertices, body(*pose).vertices)


def test_is_built_by_name() -> None:
    built = BODY_MODELS.build(dict(type='FreeBody', num_betas=5))
    assert isinstance(built, BodyModel) and built.num_betas == 5 and built.topology == 'free_body'


def test_axis_angle_of_zero_has_a_finite_gradient(body) -> None:
    pose = torch.zeros(1, 69, requires_grad=True)
    body(torch.zeros(1, 10), torch.zeros(1, 3), pose).joints.pow(2).sum().backward()
    assert torch.isfinite(pose.grad).all()
    same = body(**rest_pose()).vertices
    zero = axis_angle_to_rotmat(torch.zeros(1, 23, 3))
    torch.testing.assert_close(body(**dict(rest_pose(), body_pose=zero)).vertices, same)


def test_arrays_are_those_of_the_body(body) -> None:
    arrays = load_free_body_arrays(3)
    assert arrays.shapedirs.shape == (6890, 3, 3)
    rest = body(**rest_pose()).vertices[0]
    torch.testing.assert_close(rest, torch.from_numpy(arrays.v_template), atol=1e-6, rtol=0)
