"""Writes what a run finds, photo by photo, and keeps account of it."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from whmr.apis.digest import digest
from whmr.apis.hmr_result import HMRResult
from whmr.apis.image_source import SourceImage
from whmr.apis.known_camera import find_entry, is_per_photo
from whmr.apis.photo_batches import Photo
from whmr.apis.report import Failure, InferenceReport
from whmr.apis.result_files import write_result
from whmr.apis.run_folder import RunFolder
from whmr.apis.run_items import RunItem

LONGEST = 200  # letters of a setting that is shown as it is


class RunRecorder:
    """The files and the journal of a run.

    Args:
        folder: The run's folder.
        report: Photos that were finished before are counted in it.
        said: What the user says of photos, for all of them or photo -> entry: a photo whose own
            entry has changed is not finished.
        pictures: Whether to draw pictures, or which.
        meshes: Whether to write meshes.
        on_ground: Drop each person to the floor of the world picture.
    """

    def __init__(
        self,
        folder: RunFolder,
        report: InferenceReport,
        *,
        said: Sequence[Any] = (),
        pictures: bool | Sequence[str] = True,
        meshes: bool = True,
        on_ground: bool = False,
    ) -> None:
        self.folder, self.report, self.said = folder, report, tuple(said)
        self.pictures, self.meshes, self.on_ground = pictures, meshes, on_ground

    def finished(self, found: SourceImage) -> bool:
        """Whether a photo's files are there already; if so, it is counted.

        Args:
            found: The photo, not decoded.
        """
        item = self.folder.finished(found.stem, found.name, self._mark(found.name, found.mark))
        if item is None:
            return False
        self.report.num_kept += 1
        self.report.failures += [Failure(item.name, problem) for problem in item.problems]
        return True

    def write(self, photo: Photo, result: HMRResult | None) -> HMRResult | None:
        """Write the files of a photo and its line in the journal.

        Args:
            photo: With its image. Why a file cannot be written is added to its problems.
            result: Its record, or None.

        Returns:
            The record; None where there is none or its files cannot be written.
        """
        if result is not None:
            try:
                write_result(
                    self.folder.path,
                    photo.stem,
                    result,
                    photo.image,
                    pictures=self.pictures,
                    meshes=self.meshes,
                    on_ground=self.on_ground,
                )
            except OSError as error:
                photo.problems.append(error.strerror or str(error))
                result = None
        try:
            self.folder.record(self._item(photo, result))
        except OSError as error:
            photo.problems.append(f'could not note it in the journal: {error.strerror or error}')
            return None
        return result

    def _item(self, photo: Photo, result: HMRResult | None) -> RunItem:
        return RunItem(
            name=photo.name,
            stem=photo.stem,
            settings=self.folder.digest,
            done=result is not None,
            people=0 if result is None else len(result),
            problems=tuple(photo.problems),
            mark=self._mark(photo.name, photo.mark),
            video=photo.video,
            fps=photo.fps,
        )

    def _mark(self, name: str, mark: str | None) -> str | None:
        own = [find_entry(value, name) for value in self.said if is_per_photo(value)]
        return mark if mark is None or not own else f'{mark} {digest(own)}'


def as_setting(value: Any) -> str | None:
    """A short text of something that is said of all photos.

    Args:
        value: Boxes, a camera, a detector's config, or None.
    """
    if value is None:
        return None
    text = json.dumps(value, default=lambda each: np.asarray(each).tolist(), sort_keys=True)
    return text if len(text) <= LONGEST else digest(text)
