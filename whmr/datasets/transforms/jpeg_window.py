"""Cutting a window out of a JPEG before it is decoded: what lies outside costs nothing."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_HUFFMAN_FRAMES = (0xC0, 0xC1)  # baseline and extended sequential: rows follow one another
_NO_FRAMES = (0xC4, 0xC8, 0xCC)  # in the range of frame markers, but of another kind
_SCAN, _END, _RESTART_INTERVAL, _FIRST_RESTART = 0xDA, 0xD9, 0xDD, 0xD0
_MIN_HEADERS = 23  # bytes of the frame's header and the scan's, of a grey JPEG
_MIN_TILE = 6  # units of coding; each tile costs some bytes


class JpegLayout(NamedTuple):
    """Where the parts of a sequential JPEG lie.

    Args:
        shape: Height and width.
        unit: Height and width of a unit of coding (MCU): 8 or 16.
        frame: Offset of the frame header, which holds the height and the width.
        scan: Offset of the coded pixels.
        restart: Units between two restart markers; 0: there are none.

    Shapes: px.
    """

    shape: tuple[int, int]
    unit: tuple[int, int]
    frame: int
    scan: int
    restart: int

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of units."""
        return -(-self.shape[0] // self.unit[0]), -(-self.shape[1] // self.unit[1])


class JpegWindow(NamedTuple):
    """A part of a JPEG that is a JPEG of its own.

    Args:
        content: The JPEG.
        shape: Its height and width.
        origin: x, y of its corner in the photo.
        has_rest: What lies below the window follows its pixels, which decoders warn of.

    Shapes: px.
    """

    content: bytes
    shape: tuple[int, int]
    origin: tuple[int, int]
    has_rest: bool


def read_layout(content: bytes) -> JpegLayout | None:
    """Where the parts of a JPEG lie; None if it cannot be cut (progressive, damaged, CMYK).

    Args:
        content: The JPEG.

    Shapes: none.
    """
    start, frame, restart = 2, 0, 0
    while start + 4 < len(content) and content[start] == 0xFF:
        marker = content[start + 1]
        length = _number(content, start + 2)
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAMES:
            if marker not in _HUFFMAN_FRAMES:
                return None
            frame = start
        elif marker == _RESTART_INTERVAL:
            restart = _number(content, start + 4)
        elif marker == _SCAN:
            return _layout(content, frame, start + 2 + length, restart, content[start + 4])
        start += 2 + length
    return None


def cut_window(
    content: bytes, layout: JpegLayout, low: Sequence[float], high: Sequence[float]
) -> JpegWindow | None:
    """A window of a JPEG, without decoding anything.

    The decoder reads the units of coding one after another, and each needs the one before. With a
    restart marker that is not so: where a JPEG has them at the same places in every row (one or
    more rows of units between two, or a whole number of them in a row), only the tiles between
    markers that the window touches are kept. Without markers the rows below the window fall away.

    Pixels of the window are those of the whole photo but for the outermost one or two, which are
    upsampled without their neighbours: ask for a little more.

    Args:
        content: The JPEG.
        layout: Of the same JPEG.
        low: x, y of the window's corner; it is widened to whole tiles.
        high: x, y of the corner across.

    Returns:
        The window; None where the coded pixels are not what the header says.

    Shapes: low, high: (2,) px.
    """
    rows, columns = layout.grid
    top, bottom = _span(low[1], high[1], layout.unit[0], rows)
    if not layout.restart:
        shape = (min(bottom * layout.unit[0], layout.shape[0]), layout.shape[1])
        cut = _header(content, layout, shape) + content[layout.scan :]
        return JpegWindow(cut, shape, (0, 0), has_rest=shape != layout.shape)
    if layout.restart % columns == 0:
        tile_rows, tiles = layout.restart // columns, 1
    elif columns % layout.restart == 0:
        tile_rows, tiles = 1, columns // layout.restart
    else:
        return None
    tile_width = columns // tiles * layout.unit[1]
    left, right = _span(low[0], high[0], tile_width, tiles)
    top, bottom = top // tile_rows, -(-bottom // tile_rows)
    bounds = _tile_bounds(content, layout, -(-rows // tile_rows) * tiles)
    if bounds is None:
        return None
    kept = [row * tiles + column for row in range(top, bottom) for column in range(left, right)]
    pieces = []
    for number, tile in enumerate(kept):
        pieces.append(content[bounds[tile] : bounds[tile + 1] - 2])
        pieces.append(bytes((0xFF, _FIRST_RESTART + number % 8)))
    pieces[-1] = bytes((0xFF, _END))
    tile_height = tile_rows * layout.unit[0]
    shape = (
        min(bottom * tile_height, layout.shape[0]) - top * tile_height,
        min(right * tile_width, layout.shape[1]) - left * tile_width,
    )
    cut = b''.join([_header(content, layout, shape), *pieces])
    return JpegWindow(cut, shape, (left * tile_width, top * tile_height), has_rest=False)


def restart_interval(width: int, unit: int = 16) -> int:
    """How many units to code between restart markers, so that windows can be cut on both sides.

    Args:
        width: Of the photo.
        unit: Width of a unit of coding: 16 with the usual halved colours.

    Shapes: px.
    """
    columns = -(-width // unit)
    return next(n for n in range(min(_MIN_TILE, columns), columns + 1) if columns % n == 0)


def _layout(
    content: bytes, frame: int, scan: int, restart: int, num_scanned: int
) -> JpegLayout | None:
    """The layout, if one scan holds all of a grey or colour picture."""
    if not frame or scan > len(content) or scan - frame < _MIN_HEADERS:
        return None
    height, width, num_parts = *_shape(content, frame), content[frame + 9]
    is_whole = _number(content, frame + 2) == 8 + 3 * num_parts and height and width
    if num_parts not in (1, 3) or num_scanned != num_parts or not is_whole:
        return None
    sampling = [content[frame + 11 + 3 * part] for part in range(num_parts)]
    if not all(s & 15 and s >> 4 for s in sampling):
        return None
    unit = (8 * max(s & 15 for s in sampling), 8 * max(s >> 4 for s in sampling))
    if num_parts == 1:
        unit = (8, 8)  # a single component is coded block by block, whatever its sampling says
    return JpegLayout((height, width), unit, frame, scan, restart)


def _tile_bounds(content: bytes, layout: JpegLayout, num_tiles: int) -> list[int] | None:
    """Where each tile begins, and where one after the last would; None if markers are not right."""
    if num_tiles > len(content):
        return None
    coded = np.frombuffer(content, np.uint8, offset=layout.scan)
    places = np.flatnonzero(coded[:-1] == 0xFF)
    codes = coded[places + 1]
    places, codes = places[codes != 0], codes[codes != 0]
    expected = _FIRST_RESTART + np.arange(num_tiles) % 8
    expected[-1] = _END
    if not np.array_equal(codes[:num_tiles], expected):
        return None
    return [layout.scan, *(places[:num_tiles] + layout.scan + 2).tolist()]


def _span(low: float, high: float, size: int, count: int) -> tuple[int, int]:
    """Which of `count` cells of a size an interval touches: at least one."""
    first = min(max(int(low // size), 0), count - 1)
    return first, min(max(int(-(-high // size)), first + 1), count)


def _header(content: bytes, layout: JpegLayout, shape: tuple[int, int]) -> bytes:
    """What precedes the coded pixels, with another height and width."""
    size = b''.join(side.to_bytes(2, 'big') for side in shape)
    start = layout.frame + 5
    return content[:start] + size + content[start + 4 : layout.scan]


def _shape(content: bytes, frame: int) -> tuple[int, int]:
    return _number(content, frame + 5), _number(content, frame + 7)


def _number(content: bytes, start: int) -> int:
    return int.from_bytes(content[start : start + 2], 'big')
