"""A window that is cut out of a JPEG decodes to the pixels of the whole."""

import cv2
import numpy as np
import pytest

from whmr.datasets.transforms.jpeg_window import cut_window, read_layout, restart_interval

SHAPE = (203, 330)


def photo(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (20, 30, 3), np.uint8)
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)


def coded(*settings: int, picture: np.ndarray | None = None) -> bytes:
    return cv2.imencode('.jpg', photo() if picture is None else picture, settings)[1].tobytes()


def decoded(content: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


SAMPLINGS = {
    (16, 16): cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    (8, 16): cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    (16, 8): cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440,
    (8, 8): cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}


@pytest.mark.parametrize('unit', SAMPLINGS)
@pytest.mark.parametrize('interval', ['part of a row', 'row', 'two rows'])
@pytest.mark.parametrize(
    ('low', 'high'),
    [((100, 60), (160, 110)), ((-20, -9), (3, 2)), ((320, 190), (999, 999)), ((0, 0), (330, 203))],
)
def test_tiles(unit: tuple[int, int], interval: str, low, high) -> None:
    columns = -(-SHAPE[1] // unit[1])
    restart = {
        'part of a row': restart_interval(SHAPE[1], unit[1]),
        'row': columns,
        'two rows': 2 * columns,
    }[interval]
    content = coded(
        cv2.IMWRITE_JPEG_RST_INTERVAL, restart,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLINGS[unit],
    )  # fmt: skip
    layout = read_layout(content)
    assert (layout.shape, layout.unit, layout.restart) == (SHAPE, unit, restart)
    window = cut_window(content, layout, low, high)
    assert not window.has_rest
    part, whole = decoded(window.content), decoded(content)
    assert part.shape[:2] == window.shape
    (x, y), (height, width) = window.origin, window.shape
    assert x <= max(low[0], 0) and y <= max(low[1], 0)
    assert x + width >= min(high[0], SHAPE[1]) and y + height >= min(high[1], SHAPE[0])
    same = (part == whole[y : y + height, x : x + width]).all(2)
    left, top = 2 * (x > 0), 2 * (y > 0)
    right, bottom = width - 2 * (x + width < SHAPE[1]), height - 2 * (y + height < SHAPE[0])
    assert same[top:bottom, left:right].all()


def test_without_markers_the_rows_below_fall_away() -> None:
    content = coded()
    window = cut_window(content, read_layout(content), (100, 50), (120, 70))
    assert (window.shape, window.origin, window.has_rest) == ((80, 330), (0, 0), True)
    assert np.array_equal(decoded(window.content)[:78], decoded(content)[:78])
    whole = cut_window(content, read_layout(content), (100, 50), (120, 210))
    assert whole.content == content and not whole.has_rest


def test_what_cannot_be_cut_is_told() -> None:
    assert read_layout(coded(cv2.IMWRITE_JPEG_PROGRESSIVE, 1)) is None
    assert read_layout(b'no JPEG') is None
    assert read_layout(coded()[:100]) is None
    # Markers at other places in each row.
    content = coded(cv2.IMWRITE_JPEG_RST_INTERVAL, 8)
    assert read_layout(content).grid == (13, 21)
    assert cut_window(content, read_layout(content), (0, 0), (9, 9)) is None
    # A marker is gone.
    content = coded(cv2.IMWRITE_JPEG_RST_INTERVAL, 7)
    damaged = content.replace(b'\xff\xd3', b'\xff\xd4')
    assert cut_window(damaged, read_layout(damaged), (0, 0), (9, 9)) is None


def test_damaged_headers_raise_nothing() -> None:
    rng = np.random.default_rng(0)
    for settings in ((), (cv2.IMWRITE_JPEG_RST_INTERVAL, 7)):
        content = coded(*settings)
        scan = read_layout(content).scan
        for _ in range(500):
            damaged = bytearray(content[: rng.integers(3, scan + 40)])
            for place in rng.integers(2, len(damaged), 3):
                damaged[place] = rng.integers(0, 256)
            layout = read_layout(bytes(damaged))
            if layout is not None:
                cut_window(bytes(damaged), layout, (100, 50), (120, 70))


def test_a_grey_photo_is_cut() -> None:
    content = coded(cv2.IMWRITE_JPEG_RST_INTERVAL, 7, picture=photo()[..., 0])
    layout = read_layout(content)
    assert layout.unit == (8, 8) and layout.grid == (26, 42)
    window = cut_window(content, layout, (100, 50), (120, 70))
    assert window.origin == (56, 48) and window.shape == (24, 112)
    assert np.array_equal(decoded(window.content), decoded(content)[48:72, 56:168])


@pytest.mark.parametrize(
    ('width', 'expected'), [(1920, 6), (1000, 7), (976, 61), (90, 6), (50, 4), (1, 1)]
)
def test_intervals_divide_a_row(width: int, expected: int) -> None:
    assert restart_interval(width) == expected
