import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from whmr.apis import OnnxPersonDetector, TorchvisionDetector, WholeImageDetector
from whmr.apis.detectors.ssd import (
    box_overlap,
    decode_boxes,
    non_maximum_suppression,
    ssd_anchors,
)
from whmr.engine import CheckpointError
from whmr.registry import DETECTORS

# Boxes drawn by hand around what is visible.
PEOPLE = {
    'park_walk.jpg': [[455, 64, 570, 333], [525, 378, 708, 672]],
    'park_arms.jpg': [[325, 30, 575, 320], [915, 386, 1055, 680]],
    'astronaut.jpg': [[0, 18, 405, 512]],
}


@pytest.fixture(scope='module')
def detector() -> OnnxPersonDetector:
    pytest.importorskip('onnxruntime')
    return DETECTORS.build(dict(type='OnnxPersonDetector', num_threads=1))


def test_anchors() -> None:
    anchors = ssd_anchors()
    assert anchors.shape == (1917, 4)
    cell = 1 / 19
    np.testing.assert_allclose(anchors[0], [cell / 2, cell / 2, 0.1, 0.1], rtol=1e-6)
    # The second anchor of the first cell is twice as wide as high and 0.2 x 0.2 large.
    np.testing.assert_allclose(anchors[1, 2:], [0.2 * 2**0.5, 0.2 / 2**0.5], rtol=1e-6)
    np.testing.assert_allclose(anchors[3, :2], [1.5 * cell, cell / 2], rtol=1e-6)  # along the row
    np.testing.assert_allclose(anchors[-1], [0.5, 0.5, 0.95**0.5, 0.95**0.5], rtol=1e-6)
    start = 19 * 19 * 3
    np.testing.assert_allclose(anchors[start], [0.05, 0.05, 0.35, 0.35], rtol=1e-6)
    np.testing.assert_allclose(anchors[start + 5, 2:], (0.35 * 0.5) ** 0.5, rtol=1e-6)


def test_decoding() -> None:
    anchors = np.array([[0.5, 0.4, 0.2, 0.1]], dtype=np.float32)
    same = decode_boxes(np.zeros((1, 4), np.float32), anchors)
    np.testing.assert_allclose(same, [[0.4, 0.35, 0.6, 0.45]], rtol=1e-6)
    codes = np.array([[10.0, -5.0, 5 * np.log(2), 0.0]], dtype=np.float32)  # dy, dx, dh, dw
    moved = decode_boxes(codes, anchors)
    np.testing.assert_allclose(moved, [[0.3, 0.4, 0.5, 0.6]], rtol=1e-5)


def test_overlap_and_suppression() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 8], [2, 2, 4, 4], [20, 0, 30, 10], [0, 0, 0, 0]])
    boxes = boxes.astype(np.float32)
    iou, inside = box_overlap(boxes, boxes)
    assert iou[0, 1] == pytest.approx(0.8) and iou[0, 3] == 0 and iou[4, 4] == 0
    assert inside[2, 0] == 1 and inside[0, 2] == pytest.approx(0.04)
    scores = np.array([0.6, 0.9, 0.8, 0.5, 0.1])
    np.testing.assert_array_equal(non_maximum_suppression(boxes[:4], scores[:4]), [1, 2, 3])
    kept = non_maximum_suppression(boxes[:4], scores[:4], inside_threshold=0.9)
    np.testing.assert_array_equal(kept, [1, 3])
    none = non_maximum_suppression(boxes[:0], scores[:0])
    assert none.shape == (0,) and none.dtype == np.int64


@pytest.mark.parametrize('name', PEOPLE)
def test_people_of_the_demo_photos_are_found(detector, demo: Path, name: str) -> None:
    image = cv2.imread(str(demo / name))
    boxes, scores = detector.detect(image)
    assert boxes.dtype == scores.dtype == np.float32
    wanted = np.array(PEOPLE[name], dtype=np.float32)
    assert len(boxes) == len(wanted) == len(scores)
    assert box_overlap(wanted, boxes)[0].max(axis=1).min() > 0.6
    assert (np.diff(scores) <= 0).all() and scores.min() > 0.4
    height, width = image.shape[:2]
    assert (boxes >= 0).all() and (boxes <= [width, height, width, height]).all()


def test_tiles_find_who_is_small(detector, demo: Path) -> None:
    image = cv2.imread(str(demo / 'park_walk.jpg'))
    whole, _ = OnnxPersonDetector(tile_sizes=(), num_threads=1).detect(image)
    man = np.array([PEOPLE['park_walk.jpg'][0]], dtype=np.float32)
    assert not len(whole) or box_overlap(man, whole)[0].max() < 0.5
    assert box_overlap(man, detector.detect(image)[0])[0].max() > 0.6


@pytest.mark.parametrize('shape', [(40, 40), (30, 300), (1, 1), (700, 90)])
def test_photos_of_any_shape(detector, rng, shape) -> None:
    boxes, scores = detector(rng.integers(0, 256, (*shape, 3), dtype=np.uint8))
    assert boxes.shape == (len(scores), 4)


@pytest.mark.parametrize(
    'wrong', [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8), None]
)
def test_something_else_is_refused(detector, wrong) -> None:
    with pytest.raises(ValueError, match='uint8 BGR'):
        detector.detect(wrong)
    with pytest.raises(ValueError, match='WholeImageDetector'):
        WholeImageDetector().detect(wrong)


@pytest.mark.parametrize(
    'arguments', [dict(score_threshold=2), dict(iou_threshold=-1), dict(tile_sizes=(0,))]
)
def test_wrong_arguments(arguments) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        OnnxPersonDetector(**arguments)


def test_missing_model_file(tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    with pytest.raises(FileNotFoundError, match=r'nothing\.onnx'):
        OnnxPersonDetector(tmp_path / 'nothing.onnx')


def test_damaged_model_file(tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    (tmp_path / 'cut.onnx').write_bytes(b'xx')
    with pytest.raises(ValueError, match=r'cut\.onnx is damaged or no ONNX model'):
        OnnxPersonDetector(tmp_path / 'cut.onnx')


def test_missing_runtime_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ImportError, match=r'pip install whmr\[detect\]'):
        OnnxPersonDetector()


def test_whole_image() -> None:
    boxes, scores = WholeImageDetector().detect(np.zeros((30, 50, 3), np.uint8))
    np.testing.assert_array_equal(boxes, [[0, 0, 50, 30]])
    np.testing.assert_array_equal(scores, [1])


def test_torchvision_without_network_names_the_offline_detector(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    with pytest.raises(ConnectionError, match='OnnxPersonDetector'):
        TorchvisionDetector('fasterrcnn_mobilenet_v3_large_fpn')


def test_torchvision_with_own_weights(tmp_path, rng) -> None:
    import torch
    from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_fpn

    network = fasterrcnn_mobilenet_v3_large_fpn(weights=None, weights_backbone=None)
    torch.save(network.state_dict(), tmp_path / 'net.pth')
    detector = TorchvisionDetector(
        'fasterrcnn_mobilenet_v3_large_fpn', checkpoint=tmp_path / 'net.pth', score_threshold=0.0
    )
    boxes, scores = detector.detect(rng.integers(0, 256, (64, 80, 3), dtype=np.uint8))
    assert boxes.shape == (len(scores), 4) and boxes.dtype == np.float32
    with pytest.raises(FileNotFoundError):
        TorchvisionDetector('fasterrcnn_mobilenet_v3_large_fpn', checkpoint=tmp_path / 'other.pth')
    torch.save({'weight': torch.zeros(1)}, tmp_path / 'other.pth')
    with pytest.raises(CheckpointError, match=r'other\.pth does not fit this FasterRCNN'):
        TorchvisionDetector('fasterrcnn_mobilenet_v3_large_fpn', checkpoint=tmp_path / 'other.pth')


def test_unknown_architecture() -> None:
    with pytest.raises(ValueError, match='fasterrcnn_resnet50_fpn_v2'):
        TorchvisionDetector('yolo')
