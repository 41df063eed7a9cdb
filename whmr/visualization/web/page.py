"""The web page itself: markup, style, script and data in one file."""

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from string import Template

from whmr.body_models import BodyModel
from whmr.version import __version__
from whmr.visualization.export import ResultsTable, check_rate
from whmr.visualization.web.page_picture import PagePicture
from whmr.visualization.web.page_scene import page_scene

ASSETS = Path(__file__).parent / 'assets'
MAX_SIDE = 1280  # px of a single photo
MAX_SIDE_VIDEO = 480  # px of each of many pictures


def encode_page(
    table: ResultsTable,
    body_model: BodyModel,
    *,
    title: str,
    pictures: Sequence[PagePicture] = (),
    fps: float = 30.0,
) -> str:
    """One HTML file that shows people, photos and camera, and needs no network.

    The page forbids itself by its content security policy to load or run anything that is not in
    the file. All texts, such as names of files, are put in as text, never as markup.

    Args:
        table: The results.
        body_model: The body that they are of.
        title: What the page is called.
        pictures: Photos of some of the frames; other frames show the nearest one.
        fps: Frames per second.

    Raises:
        BodyMismatchError: If the results are of another body.
        ValueError: If the results have no frame, a picture is of none of them, or `fps` is no rate.
    """
    check_rate(fps)
    strange = [picture.frame for picture in pictures if not 0 <= picture.frame < table.num_frames]
    if strange:
        raise ValueError(f'pictures of the frames {strange}: there are {table.num_frames} frames')
    scene = page_scene(table, body_model, fps=fps)
    side = MAX_SIDE if len(pictures) <= 1 else MAX_SIDE_VIDEO
    scene['pictures'] = [picture.to_json(max_side=side) for picture in pictures]
    script, style = _asset('viewer.js'), _asset('style.css')
    policy = [
        "default-src 'none'",
        f'script-src {_hash(script)}',
        f'style-src {_hash(style)}',
        'img-src data: blob:',
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return Template(_asset('page.html')).substitute(
        policy='; '.join(policy),
        generator=f'whmr {__version__}',
        title=html.escape(title),
        style=style,
        free_view='World' if scene['space'] == 'world' else 'Around',
        data=_json(scene),
        script=script,
    )


@cache
def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding='utf-8')


def _hash(text: str) -> str:
    """The source expression of a content security policy that allows exactly this text."""
    digest = hashlib.sha256(text.encode('utf-8')).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _json(value: object) -> str:
    """JSON for a script element: nothing in it can end the element or begin markup."""
    text = json.dumps(value, separators=(',', ':'), allow_nan=False)
    return text.replace('<', '\\u003c').replace('>', '\\u003e').replace('&', '\\u0026')
