"""A web page where a photo is uploaded and its people come back in 3D."""

import html
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from whmr.apis.hmr_result import HMRResult
from whmr.apis.inferencer import HMRInferencer
from whmr.apis.photo_service import MEGA, PhotoService
from whmr.datasets import BadSampleError

if TYPE_CHECKING:
    import gradio

LOOPBACK = '127.0.0.1'
MAX_WAITING = 16  # photos in the queue; later ones are told to come back
UPLOAD_LIFE = 3600  # seconds
SOURCES = {'given': 'given', 'exif': 'EXIF', 'predicted': 'predicted', 'unknown': 'assumed'}
SCENE_HEIGHT = 640  # px
CSS = f"""
.whmr-scene {{ width: 100%; height: {SCENE_HEIGHT}px; border: 0; border-radius: 8px; }}
footer {{ display: none !important; }}
"""


def build_app(service: PhotoService) -> 'gradio.Blocks':
    """The upload page as a Gradio app; one photo is worked on at a time.

    Args:
        service: What is done with a photo.

    Raises:
        ImportError: If gradio is not installed.
    """
    gradio = _import_gradio()

    def recover(
        photo: str | None, vfov: float | None, pitch: float | None, roll: float | None
    ) -> tuple[str, str, str | None, str | None, list[str]]:
        if photo is None:
            raise gradio.Error('Choose a photo first.')
        try:
            found = service.recover(photo, camera=_camera(vfov, pitch, roll))
        except (BadSampleError, ValueError) as error:
            raise gradio.Error(html.escape(str(error)), print_exception=False) from error
        shown = [None if path is None else str(path) for path in (found.overlay, found.world)]
        return (
            _frame(found.page),
            _numbers(found.result),
            *shown,
            [str(path) for path in found.files],
        )

    with gradio.Blocks(
        title='whmr',
        fill_width=True,
        analytics_enabled=False,
        delete_cache=(UPLOAD_LIFE, UPLOAD_LIFE),
    ) as app:
        gradio.Markdown('# whmr\nUpload a photo: its people come back in 3D, upright in the world.')
        with gradio.Row():
            with gradio.Column(scale=1, min_width=280):
                photo = gradio.File(label='Photo', file_types=['image'], elem_id='photo')
                with gradio.Accordion('The camera, where you know it', open=False):
                    angles = [
                        gradio.Number(None, label=label)
                        for label in (
                            'Vertical field of view (degrees)',
                            'Pitch (degrees, positive looks down)',
                            'Roll (degrees)',
                        )
                    ]
                button = gradio.Button('Recover', variant='primary', elem_id='recover')
                numbers = gradio.Markdown(elem_id='numbers')
                files = gradio.Files(label='Downloads', interactive=False, elem_id='downloads')
            with gradio.Column(scale=4):
                scene = gradio.HTML(elem_id='scene', min_height=SCENE_HEIGHT)
                with gradio.Row():
                    overlay, world = (
                        gradio.Image(
                            label=name.capitalize(),
                            interactive=False,
                            elem_id=name,
                            buttons=['download', 'fullscreen'],
                        )
                        for name in ('overlay', 'world')
                    )
        button.click(
            recover,
            [photo, *angles],
            [scene, numbers, overlay, world, files],
            api_name='recover',
            concurrency_limit=1,
        )
    return app.queue(max_size=MAX_WAITING, default_concurrency_limit=1)


@contextmanager
def running_app(
    inferencer: HMRInferencer,
    *,
    host: str = LOOPBACK,
    port: int | None = None,
    max_megabytes: float = 20,
    max_megapixels: float = 50,
) -> Iterator[str]:
    """The app, served in the background while the block runs.

    Everything that is uploaded or made lies in one temporary folder, which is removed at the end.

    Args:
        inferencer: The model.
        host: Where to listen; 0.0.0.0 lets everybody in who reaches this machine.
        port: At which port; None takes the first free one from 7860.
        max_megabytes: Larger uploads are refused.
        max_megapixels: Photos with more pixels are refused.

    Yields:
        The address of the page.

    Raises:
        ImportError: If gradio is not installed.
        OSError: If it cannot listen there.
        ValueError: If a limit is not positive.
    """
    with tempfile.TemporaryDirectory(prefix='whmr_serve_') as folder, _gradio_folder(folder):
        service = PhotoService(
            inferencer,
            Path(folder) / 'results',
            max_megabytes=max_megabytes,
            max_megapixels=max_megapixels,
        )
        app = build_app(service)
        try:
            _, url, _ = app.launch(
                server_name=host,
                server_port=port,
                share=False,
                inbrowser=False,
                prevent_thread_lock=True,
                quiet=True,
                max_file_size=int(max_megabytes * MEGA),
                css=CSS,
                theme=_import_gradio().themes.Default(primary_hue='indigo'),
                ssr_mode=False,
                run_history=False,
            )
            yield url
        finally:
            app.close(verbose=False)


def serve(
    inferencer: HMRInferencer,
    *,
    host: str = LOOPBACK,
    port: int | None = None,
    max_megabytes: float = 20,
    max_megapixels: float = 50,
    ready: Callable[[str], None],
) -> None:
    """Serve the upload page until the user interrupts.

    Args:
        inferencer: The model.
        host: See `running_app`.
        port: See `running_app`.
        max_megabytes: See `running_app`.
        max_megapixels: See `running_app`.
        ready: Is told the address once the page can be opened.

    Raises:
        ImportError: If gradio is not installed.
        OSError: If it cannot listen there.
        ValueError: If a limit is not positive.
    """
    running = running_app(
        inferencer,
        host=host,
        port=port,
        max_megabytes=max_megabytes,
        max_megapixels=max_megapixels,
    )
    with suppress(KeyboardInterrupt), running as url:
        ready(url)
        threading.Event().wait()


@contextmanager
def _gradio_folder(folder: str) -> Iterator[None]:
    """Gradio keeps uploads in `folder`, and tells nobody that it runs."""
    settings = {'GRADIO_TEMP_DIR': folder, 'GRADIO_ANALYTICS_ENABLED': 'False'}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _import_gradio() -> Any:
    try:
        import gradio
    except ImportError as error:
        raise ImportError("the upload page needs gradio: pip install 'whmr[web]'") from error
    return gradio


def _camera(vfov: float | None, pitch: float | None, roll: float | None) -> dict[str, float] | None:
    """The fields of a known camera; what was left empty is predicted."""
    angles = {'vfov': vfov, 'pitch': pitch, 'roll': roll}
    given = {name: float(np.deg2rad(value)) for name, value in angles.items() if value is not None}
    return given or None


def _frame(page: Path) -> str:
    """The page of the scene inside this one; it can run its own script and reach nothing else."""
    text = html.escape(page.read_text(encoding='utf-8'))
    return (
        f'<iframe class="whmr-scene" title="Scene" sandbox="allow-scripts allow-downloads" '
        f'srcdoc="{text}"></iframe>'
    )


def _numbers(result: HMRResult) -> str:
    """The people and the camera in one line, made of numbers and fixed words only."""
    parts = [f'{len(result)} {"person" if len(result) == 1 else "people"}']
    if len(result):
        focal = float(np.median(result.focal_length))
        parts.append(f'focal length {focal:.0f} px ({SOURCES[result.focal_source]})')
    for name in ('pitch', 'roll'):
        angle = float(np.rad2deg(getattr(result, name)))
        if np.isfinite(angle):
            parts.append(f'{name} {angle:.1f}° ({SOURCES[result.rotation_source]})')
    return ' · '.join(parts)
