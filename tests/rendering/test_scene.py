"""The picture renderer: geometry to the pixel, light, shadows, backgrounds, errors."""

import sys

import numpy as np
import pytest
import torch

from whmr.rendering import (
    Panorama,
    SceneCamera,
    SceneGround,
    SceneLight,
    SceneMesh,
    SkyGradient,
    rasterize,
    render_scene,
)

SHAPE = (24, 32)
FLAT = SceneLight(sun=(0, 0, 0), sky=(1, 1, 1), bounce=(1, 1, 1))
QUAD_FACES = np.array([[0, 1, 2], [0, 2, 3]])


def camera(focal: float = 20.0, shape: tuple[int, int] = SHAPE, **pose) -> SceneCamera:
    height, width = shape
    k = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
    return SceneCamera(k, shape, **pose)


def quad(x0: float, y0: float, x1: float, y1: float, z: float, **look) -> SceneMesh:
    """A rectangle at depth z that covers pixels x0..x1, y0..y1 of `camera()`; seen from outside."""
    corners = np.array([[x0, y0], [x0, y1], [x1, y1], [x1, y0]], dtype=float)
    points = (corners - [SHAPE[1] / 2, SHAPE[0] / 2]) / 20.0 * z
    vertices = np.concatenate([points, np.full((4, 1), z)], axis=1)
    return SceneMesh(vertices, QUAD_FACES, **look)


def box(low, high) -> SceneMesh:
    """An axis-parallel box, faces outward."""
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
    faces = [
        [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
        [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
    ]  # fmt: skip
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    return SceneMesh(low + corners * (high - low), np.array(faces), (0.8, 0.8, 0.8), smooth=False)


@pytest.mark.parametrize('supersample', [1, 2, 3])
def test_covers_exactly_its_pixels(supersample: int) -> None:
    image = render_scene([quad(5, 6, 15, 20, 2.0)], camera(), supersample=supersample)
    expected = np.zeros(SHAPE, dtype=bool)
    expected[6:20, 5:15] = True
    assert np.array_equal(image.mesh_id, np.where(expected, 0, -1))
    np.testing.assert_allclose(image.alpha, expected)
    np.testing.assert_allclose(image.depth, np.where(expected, 2.0, 0.0), atol=1e-5)
    assert image.rgb.dtype == np.uint8


def test_half_covered_pixels_have_half_alpha() -> None:
    image = render_scene(
        [quad(5.5, 6, 15, 20, 2.0, colors=(1, 1, 1))], camera(), light=FLAT, supersample=2
    )
    np.testing.assert_allclose(image.alpha[6:20, 5], 0.5)
    # Half of white over black, as light, is sqrt(1/2) on the display.
    assert np.all(np.abs(image.rgb[6:20, 5].astype(int) - 180) <= 1)


def test_nearer_mesh_wins_and_depth_is_its_own() -> None:
    image = render_scene([quad(0, 0, 20, 24, 3.0), quad(10, 0, 32, 24, 2.0)], camera())
    assert (image.mesh_id[:, :10] == 0).all()
    assert (image.mesh_id[:, 10:] == 1).all()
    np.testing.assert_allclose(image.depth[:, 10:], 2.0, atol=1e-5)


def test_depth_of_a_tilted_plane_is_perspective() -> None:
    vertices = np.array([[-9, -9, 2.0], [-9, 9, 2.0], [9, 9, 6.0], [9, -9, 6.0]])
    image = render_scene([SceneMesh(vertices, QUAD_FACES)], camera(), supersample=1)
    x = (np.arange(SHAPE[1]) + 0.5 - 16) / 20
    expected = 4.0 / (1 - x * 2 / 9)  # z = 4 + 2/9 X, X = x z
    np.testing.assert_allclose(image.depth, np.tile(expected, (SHAPE[0], 1)), rtol=1e-5)


def test_same_pixels_as_the_label_rasteriser(rng: np.random.Generator) -> None:
    vertices = rng.uniform([-2, -1.5, 2], [2, 1.5, 6], (60, 3)).astype(np.float32)
    faces = rng.permutation(60).reshape(20, 3)
    view = camera()
    image = render_scene([SceneMesh(vertices, faces)], view, supersample=1)
    labels = rasterize(
        torch.from_numpy(vertices)[None],
        torch.from_numpy(faces),
        torch.from_numpy(view.intrinsics).float()[None],
        SHAPE,
    )
    covered = labels.face_id[0].numpy() >= 0
    assert covered.any()
    assert ((image.mesh_id >= 0) == covered).mean() > 0.995
    both = covered & (image.mesh_id >= 0)
    np.testing.assert_allclose(image.depth[both], labels.depth[0].numpy()[both], rtol=1e-3)


def test_flat_light_shows_the_colours_themselves() -> None:
    image = render_scene([quad(4, 4, 20, 20, 2.0, colors=(0.2, 0.5, 0.9))], camera(), light=FLAT)
    assert np.all(np.abs(image.rgb[10, 10].astype(int) - [51, 128, 230]) <= 1)


def test_texture_lies_as_its_coordinates_say() -> None:
    texture = np.zeros((2, 2, 3), dtype=np.uint8)
    texture[0, 1, 0] = texture[1, 0, 1] = 255  # right top red, left bottom green
    corner_uv = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], dtype=float)
    mesh = quad(0, 0, 32, 24, 2.0, colors=(1, 1, 1), face_uv=corner_uv[QUAD_FACES], texture=texture)
    rgb = render_scene([mesh], camera(), light=FLAT).rgb
    assert rgb[2, 29].tolist() == [255, 0, 0]
    assert rgb[21, 2].tolist() == [0, 255, 0]
    assert rgb[2, 2].tolist() == [0, 0, 0]


def test_faces_are_lit_from_the_side_of_the_sun() -> None:
    sun_behind_camera = SceneLight(
        direction=(0, 0, -1), sun=(1, 1, 1), sky=(0,) * 3, bounce=(0,) * 3
    )
    sun_behind_quad = SceneLight(direction=(0, 0, 1), sun=(1, 1, 1), sky=(0,) * 3, bounce=(0,) * 3)
    mesh = quad(4, 4, 20, 20, 2.0, colors=(1, 1, 1))
    assert render_scene([mesh], camera(), light=sun_behind_camera).rgb[10, 10, 0] == 255
    assert render_scene([mesh], camera(), light=sun_behind_quad).rgb[10, 10, 0] == 0
    # Both sides of a sheet can be seen, each lit as it lies.
    turned = SceneMesh(mesh.vertices, QUAD_FACES[:, ::-1], (1, 1, 1))
    assert render_scene([turned], camera(), light=sun_behind_camera).rgb[10, 10, 0] == 255


def test_shadow_falls_away_from_the_sun() -> None:
    view = SceneCamera.look_at([0, -6, -0.01], [0, 0, 0], image_shape=(60, 80), vfov=0.9)
    light = SceneLight(direction=(-1, -1, 0), sun=(0.6,) * 3, sky=(0.3,) * 3, bounce=(0.3,) * 3)
    post = box([-0.1, -1.2, -0.1], [0.1, 0, 0.1])
    rgb = render_scene([post], view, light=light, ground=SceneGround(0.0)).rgb.astype(int)
    lit, shaded = rgb[30, 25, 0], rgb[30, 46, 0]  # the sun is at the left
    assert shaded < 0.75 * lit
    no_shadow = SceneLight(light.direction, light.sun, light.sky, light.bounce, shadows=False)
    plain = render_scene([post], view, light=no_shadow, ground=SceneGround(0.0)).rgb.astype(int)
    assert abs(plain[30, 50, 0] - plain[30, 25, 0]) <= 3


def test_photo_is_untouched_where_nothing_is_drawn(rng: np.random.Generator) -> None:
    photo = rng.integers(0, 256, (*SHAPE, 3)).astype(np.uint8)
    image = render_scene([quad(5, 6, 15, 20, 2.0)], camera(), background=photo)
    free = image.alpha == 0
    assert np.array_equal(image.rgb[free], photo[free])
    assert not np.array_equal(image.rgb[~free], photo[~free])


def test_shadow_catcher_only_darkens_the_photo(rng: np.random.Generator) -> None:
    photo = rng.integers(60, 256, (*SHAPE, 3)).astype(np.uint8)
    image = render_scene(
        [box([-0.2, 0.2, 2.8], [0.2, 1.0, 3.2])],
        camera(),
        ground=SceneGround(1.0, opacity=0.0),
        background=photo,
    )
    free = image.alpha == 0
    change = image.rgb[free].astype(int) - photo[free]
    assert change.max() <= 1
    assert change.min() < -20


@pytest.mark.parametrize(('pitch', 'roll'), [(0.0, 0.0), (0.4, 0.0), (-0.3, 0.5), (0.2, -0.6)])
def test_horizon_of_panorama_and_ground_is_where_the_camera_says(pitch, roll) -> None:
    cp, sp, cr, sr = np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    rotation = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]]) @ np.array(
        [[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]]
    )
    view = camera(25.0, rotation=rotation)
    panorama = np.zeros((128, 256, 3), dtype=np.uint8)
    panorama[:64] = 255
    ground = SceneGround(1.5, texture=np.zeros((4, 4, 3), np.uint8), fade_distance=1e6)
    col, row = np.meshgrid(np.arange(SHAPE[1]) + 0.5, np.arange(SHAPE[0]) + 0.5)
    rays = np.stack([(col - 16) / 25, (row - 12) / 25, np.ones_like(col)], axis=-1)
    up = -(rays @ rotation)[..., 1] / np.linalg.norm(rays, axis=-1)
    clear = np.abs(up) > 0.03
    for scene in (dict(background=Panorama(panorama)), dict(background=_white(), ground=ground)):
        rgb = render_scene([], view, **scene).rgb
        assert np.array_equal((rgb[..., 0] > 128)[clear], (up > 0)[clear])


def _white() -> SkyGradient:
    return SkyGradient((1, 1, 1), (1, 1, 1), (1, 1, 1))


def test_panorama_runs_to_the_right_and_turns_with_its_yaw() -> None:
    panorama = np.zeros((128, 256, 3), dtype=np.uint8)
    panorama[:, 128 + 16] = 255  # 22.5 degrees to the right of the middle
    view = camera(20.0)

    def brightest(yaw: float) -> float:
        return render_scene([], view, background=Panorama(panorama, yaw=yaw)).rgb[12, :, 0].argmax()

    expected = 16 + 20 * np.tan(np.deg2rad(22.5 + 0.5 * 360 / 256))
    assert abs(brightest(0.0) + 0.5 - expected) <= 1
    expected = 16 + 20 * np.tan(np.deg2rad(22.5 + 0.5 * 360 / 256) - 0.3)
    assert abs(brightest(-0.3) + 0.5 - expected) <= 1


def test_look_at_puts_the_target_in_the_middle_and_up_up() -> None:
    view = SceneCamera.look_at([3, -2, -1], [0.5, 0, 4], image_shape=(60, 80))
    target = view.rotation @ [0.5, 0, 4] + view.translation
    np.testing.assert_allclose(target[:2], 0, atol=1e-9)
    assert target[2] > 0
    np.testing.assert_allclose(view.rotation @ view.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(view.rotation) == pytest.approx(1)
    assert (view.rotation @ [0, -1, 0])[1] < 0  # world up is up in the image (y down)
    assert (view.rotation @ [0, -1, 0])[0] == pytest.approx(0)
    np.testing.assert_allclose(view.center, [3, -2, -1])
    with pytest.raises(ValueError, match='on one line'):
        SceneCamera.look_at([0, -2, 0], [0, 0, 0], image_shape=(60, 80))


def test_meshes_under_an_opaque_ground_are_hidden() -> None:
    ground = SceneGround(0.5, fade_distance=1e6)
    buried = box([-0.3, 0.8, 2.8], [0.3, 1.2, 3.2])
    assert (render_scene([buried], camera(), ground=ground).mesh_id == -1).all()
    assert (render_scene([buried], camera()).mesh_id == 0).any()


def test_same_scene_same_bytes() -> None:
    scene = dict(ground=SceneGround.checkerboard(1.0), background=SkyGradient())
    first = render_scene([box([-0.3, 0, 2.8], [0.3, 1, 3.2])], camera(), **scene)
    second = render_scene([box([-0.3, 0, 2.8], [0.3, 1, 3.2])], camera(), **scene)
    assert np.array_equal(first.rgb, second.rgb)
    assert np.array_equal(first.depth, second.depth)


@pytest.mark.parametrize(
    ('mesh', 'message'),
    [
        (SceneMesh(np.zeros((4, 2)), QUAD_FACES), r'meshes\[0\].vertices must be \(V, 3\)'),
        (SceneMesh(np.zeros((4, 3)), QUAD_FACES[:, :2]), r'meshes\[0\].faces must be \(F, 3\)'),
        (SceneMesh(np.zeros((3, 3)), QUAD_FACES), 'name vertices outside 0..2'),
        (SceneMesh(np.zeros((4, 3)), QUAD_FACES, np.zeros((3, 3))), r'colors must be'),
        (SceneMesh(np.zeros((4, 3)), QUAD_FACES, texture=np.zeros((2, 2, 3))), 'together'),
    ],
)
def test_wrong_meshes_are_named(mesh: SceneMesh, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render_scene([mesh], camera())


def test_wrong_photo_is_named() -> None:
    with pytest.raises(ValueError, match='background photo must be uint8'):
        render_scene([], camera(), background=np.zeros((5, 5, 3), np.uint8))


def test_without_numba_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'whmr.rendering.scene_kernels', None)
    monkeypatch.delattr('whmr.rendering.scene_kernels', raising=False)
    with pytest.raises(ImportError, match=r'pip install whmr\[render\]'):
        render_scene([], camera())
