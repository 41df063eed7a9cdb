import errno
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from whmr.apis import (
    HMRInferencer,
    HMRResult,
    ImageSource,
    PersonDetector,
    check_boxes,
    find_device,
    focal_from_35mm,
    gather_results,
    merge_runs,
)
from whmr.apis.inference_model import compile_parts
from whmr.apis.photo_batches import Photo, group_photos
from whmr.body_models import FreeBody
from whmr.engine import CheckpointError, ConfigError, load_config
from whmr.geometry import pitch_roll_to_rotmat

BOXES = np.array([[455, 64, 570, 333], [525, 378, 708, 672]], dtype=np.float32)
RUN_FILES = {'results.npz', 'report.json', 'run'}  # of every folder
SMALL = np.array([[10, 5, 30, 55]], dtype=np.float32)


class NobodyDetector(PersonDetector):
    """Finds nobody."""

    def detect(self, image):
        return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)


class HalfDetector(PersonDetector):
    """Finds one sure and one unsure person."""

    def detect(self, image):
        height, width = image.shape[:2]
        box = [[0, 0, width / 2, height], [width / 2, 0, width, height]]
        return np.array(box, np.float32), np.array([0.9, 0.3], np.float32)


def test_detector_model_and_files_together(make_inferencer, demo: Path, tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    run = make_inferencer(detector='onnx')
    report = run(demo / 'park_walk.jpg', out_dir=tmp_path / 'out', progress=False)
    assert not report.failures and report.num_images == 1 and report.num_people == 2
    assert report.results == []  # they are in the files
    views = [f'park_walk_{view}.png' for view in ('overlay', 'side', 'world')]
    meshes = [f'park_walk_person{i}_{f}.obj' for i in (0, 1) for f in ('camera', 'world')]
    found = {path.name for path in (tmp_path / 'out').iterdir()}
    assert found == {'park_walk.npz', *views, *meshes} | RUN_FILES
    result = HMRResult.load(tmp_path / 'out' / 'park_walk.npz')
    # The stand-in puts everybody into the own box.
    middle = result.keypoints_2d.mean(axis=1)
    low, high = result.boxes[:, :2], result.boxes[:, 2:]
    assert (middle > low).all() and (middle < high).all()
    height = np.ptp(result.keypoints_2d[..., 1], axis=1)
    np.testing.assert_allclose(height, high[:, 1] - low[:, 1], rtol=0.3)
    overlay = cv2.imread(str(tmp_path / 'out' / 'park_walk_overlay.png'))
    photo = cv2.imread(str(demo / 'park_walk.jpg'))
    changed = np.abs(overlay.astype(int) - photo).max(-1) > 8
    x, y = middle.round().astype(int).T
    assert changed[y, x].all() and not changed[:, 800:].any()


def test_world_mesh_file_is_upright(make_inferencer, demo: Path, tmp_path: Path) -> None:
    run = make_inferencer()
    run(demo / 'park_walk.jpg', boxes=BOXES, out_dir=tmp_path, pictures=False, progress=False)
    slope = {}
    for frame in ('camera', 'world'):
        lines = (tmp_path / f'park_walk_person0_{frame}.obj').read_text().splitlines()
        points = np.array([line.split()[1:] for line in lines if line[:2] == 'v '], float)
        assert points[:, 2].max() < 0  # in front of a camera that looks along -z
        order = points[points[:, 0].argsort()]
        left, right = order[:500].mean(axis=0), order[-500:].mean(axis=0)  # arms are spread
        slope[frame] = abs(left[1] - right[1]) / (right[0] - left[0])
        head, feet = points[points[:, 1].argmax(), 1], points[points[:, 1].argmin(), 1]
        assert head - feet == pytest.approx(1.69, abs=0.05)
    assert slope['world'] < 0.01 and slope['camera'] == pytest.approx(np.tan(0.1), abs=0.02)


def test_calibrator_sees_each_photo_once(make_inferencer, write_photo) -> None:
    run = make_inferencer(batch_size=4)
    photos = [write_photo('a.jpg', (60, 80)), write_photo('b.jpg', (80, 60))]
    photos.append(write_photo('c.jpg', (64, 128)))
    boxes = {'a': np.repeat(SMALL, 2, 0), 'b': SMALL, 'c': np.repeat(SMALL, 11, 0)}
    report = run(photos, boxes=boxes, progress=False)
    assert [len(result) for result in report.results] == [2, 1, 11]
    assert run.estimator.batches == [3, 4, 4, 3]  # a and b share a pass, c needs three
    assert run.estimator.calibrated == [(32, 43), (43, 32), (32, 64)]
    assert all(np.isfinite(result.vfov) for result in report.results)


def test_batches_change_nothing(make_inferencer, write_photo) -> None:
    photos = [write_photo(f'{i}.jpg') for i in range(3)]
    many, one = (
        make_inferencer(batch_size=size)(photos, boxes=np.repeat(SMALL, 2, 0), progress=False)
        for size in (16, 1)
    )
    for left, right in zip(many.results, one.results, strict=True):
        np.testing.assert_allclose(left.vertices, right.vertices, atol=1e-5)
        np.testing.assert_allclose(left.world2cam_rotmat, right.world2cam_rotmat, atol=1e-6)


def test_groups_are_small_and_ordered() -> None:
    counts = [0, 3, 2, 9, 0, 0, 0, 0, 0, 1]
    photos = [Photo(str(i), '', samples=[{}] * n) for i, n in enumerate(counts)]
    groups = list(group_photos(photos, 4, 4))
    assert [photo.name for group in groups for photo in group] == [str(i) for i in range(10)]
    assert [len(group) for group in groups] == [2, 1, 1, 4, 2]


def test_known_camera_is_used(make_inferencer, demo: Path) -> None:
    run = make_inferencer()
    camera = {'focal_length': 1500.0, 'pitch': -0.4, 'roll': 0.3}
    result = run(demo / 'park_walk.jpg', boxes=BOXES, camera=camera, progress=False).results[0]
    np.testing.assert_allclose(result.focal_length, 1500.0)
    assert float(result.pitch) == pytest.approx(-0.4, abs=1e-5)
    wanted = pitch_roll_to_rotmat(torch.tensor(-0.4), torch.tensor(0.3))
    np.testing.assert_allclose(result.world2cam_rotmat, wanted, atol=1e-6)
    assert run.estimator.calibrated == []


def test_camera_of_one_photo_only(make_inferencer, write_photo) -> None:
    run = make_inferencer()
    photos = [write_photo('a.jpg'), write_photo('b.jpg')]
    camera = {'b.jpg': {'pitch': 0.5, 'roll': 0.0}}
    one, two = run(photos, boxes=SMALL, camera=camera, progress=False).results
    assert float(one.pitch) == pytest.approx(0.2, abs=1e-5)
    assert float(two.pitch) == pytest.approx(0.5, abs=1e-5)


def test_entries_for_no_photo_are_listed(make_inferencer, write_photo) -> None:
    boxes, camera = {'a': SMALL, 'b.jpg': SMALL}, {'c': {'focal_length': 50}}
    report = make_inferencer()(write_photo('a.jpg'), boxes=boxes, camera=camera, progress=False)
    assert report.num_people == 1
    assert [(failure.name, failure.reason.split()[0]) for failure in report.failures] == [
        ('b.jpg', 'boxes'),
        ('c', 'camera'),
    ]


def test_nobody_is_recorded(make_inferencer, write_photo, tmp_path: Path) -> None:
    run = make_inferencer(detector=NobodyDetector())
    report = run(write_photo('a.jpg'), out_dir=tmp_path / 'out', progress=False)
    assert (report.num_images, report.num_people, report.num_empty) == (1, 0, 1)
    assert not report.failures and run.estimator.batches == []
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {'a.npz'} | RUN_FILES
    result = HMRResult.load(tmp_path / 'out' / 'a.npz')
    assert len(result) == 0 and result.vertices.shape == (0, 6890, 3) and not result.has_world
    assert np.isnan(result.world2cam_rotmat).all() and len(result.people()) == 0


def test_arrays_and_score_threshold(config_file: Path, rng) -> None:
    photo = rng.integers(0, 256, (64, 48, 3), dtype=np.uint8)
    for threshold, count in ((None, 2), (0.5, 1)):
        run = HMRInferencer(
            config_file, device='cpu', detector=HalfDetector(), score_threshold=threshold
        )
        (result,) = run(photo, progress=False).results
        assert len(result) == count and result.scores[0] == np.float32(0.9)


def test_bad_items_are_skipped_and_listed(make_inferencer, write_photo, tmp_path: Path) -> None:
    good = write_photo('good.jpg', (60, 80))
    odd = write_photo('odd.jpg', (72, 80))
    run = make_inferencer(broken=72)
    boxes = {
        'good': np.concatenate([SMALL, [[5, 5, 5, 9], [200, 0, 300, 50]]]),
        'odd': SMALL,
        'array#3': [[0, 0, 0, 0]],
    }
    inputs = [tmp_path / 'gone.jpg', good, odd, np.zeros((9, 9, 3), np.uint8)]
    report = run(inputs, boxes=boxes, out_dir=tmp_path / 'out', progress=False, meshes=False)
    listed = [(Path(failure.name).name, failure.reason) for failure in report.failures]
    assert [name for name, _ in listed] == [
        'gone.jpg',
        'good.jpg',
        'good.jpg',
        'odd.jpg',
        'array#3',
    ]
    words = ('no such file', 'box 1', 'outside the photo of 60 x 80', 'betas is not finite', 'area')
    for (_, reason), word in zip(listed, words, strict=True):
        assert word in reason
        assert word in report.summary()
    assert report.num_images == 1 and report.num_people == 1
    found = {path.name for path in (tmp_path / 'out').iterdir()} - RUN_FILES
    assert {name.split('_')[0].split('.')[0] for name in found} == {'good'}


def test_a_wrong_entry_spoils_its_photo_only(make_inferencer, write_photo) -> None:
    run = make_inferencer()
    photos = [write_photo(name) for name in ('a.jpg', 'b.jpg', 'c.jpg', 'd.jpg')]
    off = {'intrinsics': [[50, 0, 0], [0, 50, 0], [0, 0, 1]]}
    camera = {'a.jpg': {'pitch': 'up', 'roll': 0}, 'b.jpg': off}
    boxes = {'a.jpg': SMALL, 'b.jpg': SMALL, 'c.jpg': [[1, 2, 3]], 'd.jpg': SMALL}
    report = run(photos, boxes=boxes, camera=camera, progress=False)
    assert report.num_images == 1 and report.results[0].image_name.endswith('d.jpg')
    listed = [(Path(failure.name).name, failure.reason) for failure in report.failures]
    assert [name for name, _ in listed] == ['a.jpg', 'b.jpg', 'c.jpg']
    for (_, reason), word in zip(listed, ('pitch', 'principal point', '(N, 4)'), strict=True):
        assert word in reason
    # What is said of all photos is a mistake in the call; but a lens may not fit one photo only.
    with pytest.raises(ValueError, match='pitch'):
        run(photos, boxes=SMALL, camera=camera['a.jpg'], progress=False)
    assert len(run(photos, boxes=SMALL, camera=off, progress=False).failures) == 4


def test_weights_of_another_body_are_refused(config_file: Path, tmp_path: Path) -> None:
    content = {'state_dict': {'weight': torch.ones(1)}, 'meta': {'topology': ['smpl']}}
    torch.save(content, tmp_path / 'smpl.pth')
    with pytest.raises(CheckpointError, match=r'smpl\.pth was trained with the body topology smpl'):
        HMRInferencer(config_file, tmp_path / 'smpl.pth', device='cpu')


def test_full_disk_spoils_one_photo(make_inferencer, write_photo, tmp_path, monkeypatch) -> None:
    import whmr.apis.result_files as module

    real = module.write_files

    def full(contents):
        if any('b.npz' in str(path) for path in contents):
            raise OSError(errno.ENOSPC, 'No space left on device')
        real(contents)

    monkeypatch.setattr(module, 'write_files', full)
    photos = [write_photo(name) for name in ('a.jpg', 'b.jpg', 'c.jpg')]
    run = make_inferencer()
    out = tmp_path / 'out'
    report = run(photos, boxes=SMALL, out_dir=out, pictures=False, meshes=False, progress=False)
    assert {path.name for path in out.iterdir()} == {'a.npz', 'c.npz'} | RUN_FILES
    assert [failure.reason for failure in report.failures] == ['No space left on device']
    merged = merge_runs([out])
    assert merged.num_images == 2 and merged.failures == report.failures


def test_video(make_inferencer, video: Path, tmp_path: Path) -> None:
    run = make_inferencer(batch_size=2)
    box = np.array([[10, 5, 30, 45]])
    out = tmp_path / 'o'
    report = run(
        video, boxes=box, every=3, out_dir=out, pictures=False, meshes=False, progress=False
    )
    found = {path.name for path in out.iterdir()} - RUN_FILES
    assert found == {f'clip_{number:06d}.npz' for number in (0, 3, 6, 9)}
    assert report.num_people == 4


def test_box_checks() -> None:
    boxes = [[0, 0, 10, 10], [-5, -5, 3, 3], [4, 4, 4, 9], [9, 9, 5, 12], [50, 0, 60, 9]]
    boxes.append([0, 0, np.nan, 5])
    good, problems = check_boxes(np.array(boxes), (20, 50))
    np.testing.assert_array_equal(good, boxes[:2])
    assert [text.split()[1] for text in problems] == ['2', '3', '4', '5']
    with pytest.raises(ValueError, match=r'\(N, 4\)'):
        check_boxes(np.zeros(4), (20, 50))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(detector='yolo'), "detector='yolo'"),
        (dict(batch_size=0), 'batch_size'),
        (dict(score_threshold=1.5), 'score_threshold'),
        (dict(device='nothing'), 'device'),
    ],
)
def test_wrong_arguments(config_file: Path, arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        HMRInferencer(config_file, **arguments)


def test_neither_boxes_nor_detector(make_inferencer, write_photo) -> None:
    with pytest.raises(ValueError, match='no person boxes and no detector'):
        make_inferencer()(write_photo('a.jpg'), progress=False)


def test_weights_are_loaded_strictly(config_file: Path, make_inferencer, tmp_path: Path) -> None:
    state = make_inferencer().estimator.state_dict()
    assert list(state) == ['weight']
    torch.save({'state_dict': {'weight': torch.ones(1)}}, tmp_path / 'good.pth')
    run = HMRInferencer(config_file, tmp_path / 'good.pth', device='cpu')
    assert run.estimator.weight.item() == 1 and not run.estimator.training
    torch.save({'state_dict': {'other': torch.ones(1)}}, tmp_path / 'bad.pth')
    with pytest.raises(CheckpointError, match='other'):
        HMRInferencer(config_file, tmp_path / 'bad.pth', device='cpu')


def test_config_without_a_pipeline(config_file: Path) -> None:
    config_file.write_text(config_file.read_text().split('test_dataloader')[0])
    with pytest.raises(ConfigError, match='pipeline'):
        HMRInferencer(config_file, device='cpu')


def test_bodies_by_gender_are_for_labels_alone(config_file: Path) -> None:
    """A config for training on gendered labels runs with the neutral body's file alone."""
    config = load_config(config_file)
    male = dict(type='SMPL', model_path='no/such/folder', gender='male')
    config.model.data_preprocessor.gendered_body_models = dict(male=male)
    run = HMRInferencer(config, detector=None, device='cpu')
    assert len(run.estimator.data_preprocessor.gendered_body_models) == 0
    assert config.model.data_preprocessor.gendered_body_models  # the caller's config is as it was


def test_the_steps_make_the_whole(make_inferencer, write_photo) -> None:
    run = make_inferencer(image_batch_size=2)
    photos = [write_photo(name) for name in ('a.jpg', 'b.jpg', 'c.jpg')]
    report = run(photos, boxes=SMALL, progress=False)
    batches = list(run.preprocess(photos, boxes=SMALL))
    assert [len(batch) for batch in batches] == [2, 1]
    results = []
    for batch in batches:
        predicted = run.forward(batch)
        assert all(photo.samples == [] for photo in batch)  # memory is let go
        results += run.postprocess(batch, predicted)
    for one, other in zip(results, report.results, strict=True):
        np.testing.assert_array_equal(one.vertices, other.vertices)
    views = run.visualize(batches[0][0], results[0])
    assert list(views) == ['overlay', 'side', 'world'] and views['overlay'].dtype == np.uint8


def test_results_come_while_photos_are_read(make_inferencer, video: Path) -> None:
    taken = []

    def pictures():
        for picture in ImageSource(video):
            taken.append(picture.name)
            yield picture

    run = make_inferencer(image_batch_size=2)
    results = run.iter_results(pictures(), boxes=np.array([[10, 5, 30, 45]]))
    photo, result = next(results)
    assert photo.name == f'{video}#0' == result.image_name and photo.video == str(video)
    assert len(taken) == 3  # two of the batch, and the one that did not fit
    assert [other.name for other, _ in results] == [f'{video}#{i}' for i in range(1, 10)]


def test_where_the_camera_comes_from(make_inferencer, write_photo) -> None:
    run = make_inferencer()
    photo = write_photo('a.jpg', (60, 80))

    def found(camera):
        return run(photo, boxes=SMALL, camera=camera, progress=False).results[0]

    result = found(None)
    assert (result.focal_source, result.rotation_source) == ('predicted', 'predicted')
    assert float(result.vfov) == pytest.approx(0.9)  # the calibrator's
    result = found({'vfov': 1.2})
    assert (result.focal_source, result.rotation_source) == ('given', 'predicted')
    assert float(result.vfov) == pytest.approx(1.2)
    assert float(result.focal_length[0]) == pytest.approx(30 / np.tan(0.6))
    result = found({'gravity': [0, 1, 0]})
    assert (result.focal_source, result.rotation_source) == ('predicted', 'given')
    np.testing.assert_allclose(result.world2cam_rotmat, np.eye(3), atol=1e-6)


def test_a_model_that_takes_no_known_rotation_has_its_own(make_inferencer, write_photo) -> None:
    run = make_inferencer()
    camera = {'pitch': 0.3, 'roll': 0.0}
    [photos] = run.preprocess(write_photo('a.jpg'), boxes=SMALL, camera=camera)
    predicted = run.forward(photos)
    for sample in predicted[0]:
        sample.pred_camera.world2cam_rotmat = torch.eye(3)[None]
    result = run.postprocess(photos, predicted)[0]
    assert result.rotation_source == 'predicted'
    np.testing.assert_array_equal(result.world2cam_rotmat, np.eye(3))


def test_what_is_known_without_people(config_file: Path, write_photo) -> None:
    run = HMRInferencer(config_file, device='cpu', detector=NobodyDetector())
    camera = {'focal_length': 50, 'pitch': 0.3, 'roll': 0.0}
    photo = write_photo('a.jpg', (60, 80))
    result = run(photo, camera=camera, progress=False).results[0]
    assert (result.focal_source, result.rotation_source) == ('given', 'given')
    assert float(result.vfov) == pytest.approx(2 * np.arctan(30 / 50))
    assert float(result.pitch) == pytest.approx(0.3, abs=1e-6)
    assert gather_results([result], FreeBody()).focal_length[0] == pytest.approx(50)
    result = run(photo, progress=False).results[0]
    assert (result.focal_source, result.rotation_source) == ('unknown', 'unknown')


def test_given_intrinsics_project_the_body_to_its_keypoints(make_inferencer, demo: Path) -> None:
    matrix = np.array([[1300.0, 0, 640], [0, 1300, 360], [0, 0, 1]])
    run = make_inferencer()
    photo = demo / 'park_walk.jpg'
    result = run(photo, boxes=BOXES, camera={'intrinsics': matrix}, progress=False).results[0]
    points = (result.joints + result.cam_t[:, None]) @ matrix.T
    np.testing.assert_allclose(points[..., :2] / points[..., 2:], result.keypoints_2d, atol=0.01)
    np.testing.assert_allclose(result.intrinsics, np.stack([matrix, matrix]))
    # Twice the focal length is twice the distance, not another size in the photo.
    far = run(photo, boxes=BOXES, camera={'focal_length': 2600}, progress=False).results[0]
    np.testing.assert_allclose(far.cam_t[:, 2], 2 * result.cam_t[:, 2], rtol=1e-5)


def test_exif(make_inferencer, tmp_path: Path) -> None:
    """The stored pixels are 80 x 60; the tag turns them, and boxes are on the upright photo."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0xA405] = 28
    path = tmp_path / 'a.jpg'
    Image.new('RGB', (80, 60)).save(path, exif=exif)
    run = make_inferencer()
    box = np.array([[10, 30, 40, 78]])  # below the stored photo's lower border
    result = run(path, boxes=box, exif=True, progress=False).results[0]
    assert tuple(result.image_shape) == (80, 60) and result.focal_source == 'exif'
    assert float(result.focal_length[0]) == pytest.approx(focal_from_35mm(28, (80, 60)))
    middle = result.keypoints_2d[0].mean(axis=0)
    assert (middle > box[0, :2]).all() and (middle < box[0, 2:]).all()
    given = run(path, boxes=box, camera={'vfov': 1.0}, exif=True, progress=False).results[0]
    assert given.focal_source == 'given'
    assert run(path, boxes=box, progress=False).results[0].focal_source == 'predicted'


def test_mixed_precision(make_inferencer, write_photo) -> None:
    for amp, wanted in ((None, None), ('auto', torch.bfloat16), ('bfloat16', torch.bfloat16)):
        run = make_inferencer(amp=amp)
        run(write_photo('a.jpg'), boxes=SMALL, progress=False)
        assert run.estimator.precisions == [wanted]
    with pytest.raises(ValueError, match='bfloat16'):
        make_inferencer(amp='float16')


def test_compiled_parts_give_the_same() -> None:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = torch.nn.Linear(3, 4)
            self.camera = torch.nn.ModuleDict({'backbone': torch.nn.Linear(3, 4)})
            self.head = torch.nn.Linear(4, 2)

    net = Net()
    names = list(net.state_dict())
    inputs = torch.ones(2, 3)
    wanted = net.backbone(inputs)
    assert compile_parts(net, 'eager') == ['backbone', 'camera.backbone']
    torch.testing.assert_close(net.backbone(inputs), wanted)
    assert list(net.state_dict()) == names  # checkpoints still fit


def test_each_process_has_an_accelerator(monkeypatch) -> None:
    monkeypatch.setattr(
        torch.accelerator, 'current_accelerator', lambda check_available=False: torch.device('xpu')
    )
    monkeypatch.setattr(torch.accelerator, 'device_count', lambda: 2)
    found = [str(find_device('auto', local_rank=rank)) for rank in range(3)]
    assert found == ['xpu:0', 'xpu:1', 'xpu:0']
    assert find_device('cpu', local_rank=1) == torch.device('cpu')
