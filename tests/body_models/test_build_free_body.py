"""Pieces of the free body's builder, on small meshes."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools/misc'


@pytest.fixture(scope='module')
def build() -> Iterator[SimpleNamespace]:
    """The builder's modules."""
    pytest.importorskip('scipy')
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(str(TOOLS))
    names = ('decimate', 'parts', 'points', 'skeleton', 'surface', 'upsample', 'joint_rows')
    yield SimpleNamespace(
        main=importlib.import_module('build_free_body'),
        **{name: importlib.import_module(f'free_body.{name}') for name in names},
    )
    for name in [n for n in sys.modules if n.split('.')[0] in ('free_body', 'build_free_body')]:
        del sys.modules[name]
    patch.undo()


def ball(rings: int = 12, columns: int = 24) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, faces and mirror map (x to -x) of a closed ball, its faces looking outward."""
    polar = np.pi * np.arange(1, rings) / rings
    turn = 2 * np.pi * np.arange(columns) / columns
    grid = np.stack(
        [
            np.outer(np.sin(polar), np.sin(turn)),
            np.repeat(np.cos(polar)[:, None], columns, axis=1),
            np.outer(np.sin(polar), np.cos(turn)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    vertices = np.concatenate([grid, [[0, 1, 0], [0, -1, 0]]])
    top, bottom = len(grid), len(grid) + 1
    faces = []
    for j in range(columns):
        k = (j + 1) % columns
        faces.append([top, j, k])
        faces.append([bottom, top - columns + k, top - columns + j])
        for i in range(rings - 2):
            a, b = i * columns + j, i * columns + k
            c, d = a + columns, b + columns
            # each half has the other's diagonals
            faces += [[a, c, d], [a, d, b]] if j < columns // 2 else [[a, c, b], [b, c, d]]
    ids = np.arange(len(grid)).reshape(rings - 1, columns)
    mirror = np.concatenate([ids[:, -np.arange(columns) % columns].ravel(), [top, bottom]])
    return vertices, np.array(faces), mirror


def test_the_ball_is_closed_and_symmetric(build) -> None:
    vertices, _, mirror = ball()
    np.testing.assert_allclose(vertices[mirror] * [-1, 1, 1], vertices, atol=1e-12)
    assert build.surface.boundary_loops(ball()[1]) == []


@pytest.mark.parametrize('target', [200, 131, 60])
def test_decimation_stays_closed_symmetric_and_near(build, target: int) -> None:
    vertices, faces, mirror = ball()
    weights = np.ones((len(vertices), 1))
    keep, new = build.decimate.decimate(vertices, faces, mirror, weights, target)
    assert len(keep) == target and len(new) == 2 * target - 4
    assert build.surface.boundary_loops(new) == []
    assert set(mirror[keep]) == set(keep)
    a, b, c = (vertices[keep][new[:, i]] for i in range(3))
    volume = (np.cross(a, b) * c).sum() / 6
    assert 0.75 * 4.05 < volume < 4.2


def test_boundary_loop_of_a_hole(build) -> None:
    _, faces, _ = ball()
    loops = build.surface.boundary_loops(faces[~(faces == faces.max()).any(axis=1)])
    assert len(loops) == 1 and len(loops[0]) == 24 and loops[0][0] == min(loops[0])


def test_closest_point_beats_a_dense_search(build, rng) -> None:
    corners, points = rng.normal(size=(30, 3, 3)), rng.normal(size=(30, 3))
    weight = build.upsample.closest_point_weights(points, corners)
    assert (weight >= 0).all()
    np.testing.assert_allclose(weight.sum(axis=1), 1)
    found = np.einsum('nc,ncd->nd', weight, corners)
    distance = np.linalg.norm(found - points, axis=1)
    dense = np.einsum('kc,ncd->nkd', rng.dirichlet([0.5] * 3, 4000), corners)
    best = np.linalg.norm(dense - points[:, None], axis=-1).min(axis=1)
    assert (distance <= best + 1e-9).all() and (best - distance).max() < 0.1


def test_upsampling_prefers_the_limb_of_the_same_weights(build) -> None:
    """Two sheets 1 mm apart: a point between them follows the one that is skinned as it is."""
    sheet = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], float)
    coarse = np.concatenate([sheet, sheet + [0, 0, 0.001]])
    weights = np.repeat(np.eye(2), 3, axis=0)
    faces = np.arange(6).reshape(2, 3)
    point = np.array([[0.2, 0.2, 0.0009]])
    index, _ = build.upsample.barycentric_rows(coarse, faces, point, weights, np.eye(2)[:1])
    assert set(index[0]) == {0, 1, 2}


def test_ray_meets_the_nearest_face(build) -> None:
    vertices, faces, _ = ball(24, 48)
    hit = build.points.first_hit(np.zeros(3), np.array([0.3, 0.2, 2.0]), vertices[faces])
    assert np.linalg.norm(hit) == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(np.cross(hit, [0.3, 0.2, 2.0]), 0, atol=1e-9)
    outside = np.array([0, 0, 5.0])
    assert build.points.first_hit(outside, np.array([0, 0, 1.0]), vertices[faces]) is None


def test_flattened_part_is_one_to_one(build) -> None:
    vertices, faces, _ = ball()
    half = faces[vertices[faces][:, :, 1].mean(axis=1) > 0]
    parts = np.concatenate([np.full(len(half), k) for k in range(1, 25)])
    stacked = np.concatenate([half + k * len(vertices) for k in range(24)])
    uv = build.parts.flatten_parts(np.tile(vertices, (24, 1)), stacked, parts)[: len(half)]
    edge1, edge2 = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    area = (edge1[:, 0] * edge2[:, 1] - edge1[:, 1] * edge2[:, 0]) / 2
    assert (area > 0).all() and area.sum() == pytest.approx(np.pi / 4, abs=0.02)


def test_names_agree_with_the_package(build) -> None:
    from whmr.keypoints import JOINT_SETS

    smpl54 = JOINT_SETS['smpl54'].joints
    assert build.skeleton.NAMES == smpl54[:24]
    assert build.points.LANDMARKS == smpl54[24:45]
    assert build.joint_rows.EXTRA_JOINTS == smpl54[45:]
    assert build.joint_rows.H36M17 == JOINT_SETS['h36m17'].joints


def test_rows_of_the_bundled_body_are_rebuilt(build, body, arrays) -> None:
    """The annotated joints' rows follow from the bundled body, so builder and file agree."""
    rows = body.joints_table.dense().numpy().astype(np.float64)
    markers = dict(zip(body.marker_names, body.markers.tolist()))
    mirror = body.mirror.numpy()
    builder = build.joint_rows.RowBuilder(
        arrays.v_template.astype(np.float64), rows, mirror, markers
    )
    expected = body.extra_joints_table.dense().numpy()
    found = builder.matrix(build.joint_rows.EXTRA_JOINTS)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_landmark_and_marker_rules_find_the_bundled_ids(build, body, arrays) -> None:
    template = arrays.v_template.astype(np.float64)
    joints = arrays.j_regressor.astype(np.float64) @ template
    found = build.points.find_markers(template, arrays.faces, body.mirror.numpy(), joints)
    assert found.tolist() == body.markers.tolist()
    assert build.points.MARKERS == body.marker_names


def test_check_tells_what_differs(build, tmp_path: Path) -> None:
    path = tmp_path / 'body.npz'
    fields = {'a': np.zeros(3), 'b': np.arange(4), 'c': np.zeros(2)}
    np.savez(path, **fields)
    assert build.main.differences(path, fields) == []
    other = {'a': np.array([0, 0, 0.1]), 'b': np.array([0, 1, 2, 4]), 'd': np.zeros(1)}
    text = '\n'.join(build.main.differences(path, other))
    assert 'a differs by 0.1' in text and 'b differs in 1 entries' in text
    assert "'c' only" in text and "'d' only" in text
