"""One uploaded photo after another: checked, estimated, and turned into files to look at."""

import shutil
import tempfile
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from whmr.apis.export_results import ExportOptions, export_results
from whmr.apis.gather import gather_results
from whmr.apis.hmr_result import HMRResult
from whmr.apis.image_source import IMAGE_SUFFIXES
from whmr.apis.inferencer import HMRInferencer
from whmr.apis.result_files import write_result
from whmr.apis.results_source import ResultsSource
from whmr.apis.web_page import write_page
from whmr.datasets import BadSampleError
from whmr.datasets.transforms.photo import header_shape

MEGA = 10**6


@dataclass(frozen=True)
class Recovery:
    """The files of one photo; those of people are None where nobody was found.

    `world` is None too where the model estimates no world. `files` are all that are worth keeping.
    """

    result: HMRResult
    page: Path
    overlay: Path | None
    world: Path | None
    files: list[Path]


class PhotoService:
    """Recovers the people of photos that somebody else sends.

    Args:
        inferencer: The model.
        folder: Where files are written, and nowhere else.
        max_megabytes: Larger files are refused.
        max_megapixels: Photos with more pixels are refused before they are decoded.
        keep: So many photos' files are kept; older ones are removed.

    Raises:
        ValueError: If a limit is not positive.
    """

    def __init__(
        self,
        inferencer: HMRInferencer,
        folder: str | Path,
        *,
        max_megabytes: float = 20,
        max_megapixels: float = 50,
        keep: int = 50,
    ) -> None:
        limits = {'max_megabytes': max_megabytes, 'max_megapixels': max_megapixels, 'keep': keep}
        for name, value in limits.items():
            if value <= 0:
                raise ValueError(f'{name}={value}: must be above 0')
        self.inferencer = inferencer
        self.folder = Path(folder)
        self.max_megabytes, self.max_megapixels = max_megabytes, max_megapixels
        self._keep = keep
        self._kept: deque[Path] = deque()

    def recover(self, photo: str | Path, *, camera: Mapping[str, Any] | None = None) -> Recovery:
        """Estimate the people of a photo and write their files.

        Args:
            photo: The file.
            camera: What is known of its camera, see `KnownCamera.build`.

        Raises:
            BadSampleError: If the photo cannot be used; the message is for who sent it.
            OSError: If a file cannot be written.
            ValueError: If `camera` is wrong.
        """
        photo = Path(photo)
        self._check(photo)
        [(found, result)] = self.inferencer.iter_results([photo], camera=camera, exif=True)
        if result is None or found.image is None:
            raise BadSampleError('; '.join(found.problems))
        # Whoever gets the files shall not learn where this machine keeps them.
        result = replace(result, image_name=photo.name)
        folder = self._new_folder()
        views = ('overlay', 'world') if result.has_world else ('overlay',)
        written = write_result(
            folder, photo.stem, result, found.image, pictures=views, meshes=False
        )
        body_model = self.inferencer.estimator.body_model
        source = ResultsSource(gather_results([result], body_model), body_model)
        page = folder / f'{photo.stem}.html'
        write_page(source, page, title=photo.stem, photos=photo)
        options = ExportOptions(kinds=('glb',))
        models = export_results(source, folder, photo.stem, options=options).written
        pictures = {path.stem.rpartition('_')[2]: path for path in written if path.suffix == '.png'}
        return Recovery(
            result=result,
            page=page,
            overlay=pictures.get('overlay'),
            world=pictures.get('world'),
            files=[page, *models, *written],
        )

    def _check(self, photo: Path) -> None:
        size = photo.stat().st_size
        if size > self.max_megabytes * MEGA:
            raise BadSampleError(
                f'the file has {size / MEGA:.1f} MB, the limit is {self.max_megabytes:g} MB: '
                'send a smaller one'
            )
        kinds = ', '.join(sorted(suffix.removeprefix('.') for suffix in IMAGE_SUFFIXES))
        if photo.suffix.lower() not in IMAGE_SUFFIXES:
            raise BadSampleError(f'this is no photo by its name; send one of {kinds}')
        try:
            height, width, _ = header_shape(photo)
        except (OSError, ValueError, SyntaxError):
            raise BadSampleError(f'this picture cannot be read; send one of {kinds}') from None
        except Image.DecompressionBombError:
            limit = min(self.max_megapixels, 2 * Image.MAX_IMAGE_PIXELS / MEGA)
            raise BadSampleError(
                f'the photo has far too many pixels, the limit is {limit:g} megapixels: make it '
                'smaller first'
            ) from None
        if height * width > self.max_megapixels * MEGA:
            raise BadSampleError(
                f'the photo has {height * width / MEGA:.1f} megapixels, the limit is '
                f'{self.max_megapixels:g}: make it smaller first'
            )

    def _new_folder(self) -> Path:
        while len(self._kept) >= self._keep:
            shutil.rmtree(self._kept.popleft(), ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._kept.append(Path(tempfile.mkdtemp(prefix='photo_', dir=self.folder)))
        return self._kept[-1]
