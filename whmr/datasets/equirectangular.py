"""Perspective views of an equirectangular panorama."""

import cv2
import numpy as np

_MARGIN = 1  # columns and rows added around each picture, so that bilinear sampling needs no border


class Equirectangular:
    """A panorama that views are cut from, at the resolution that a view needs.

    The picture is kept at 1, 1/2, 1/4... of its size; a view takes the one whose pixels are about
    as large as its own, so that fine texture does not alias.

    Args:
        image: The panorama: its middle row is the horizon, its middle column lies toward +z of the
            world, columns run right (as `whmr.rendering.Panorama`).

    Raises:
        ValueError: It is not twice as wide as high.

    Shapes:
        image: (h, 2 h, C) uint8 or float32.
    """

    def __init__(self, image: np.ndarray) -> None:
        height, width = image.shape[:2]
        if width != 2 * height:
            raise ValueError(
                f'a panorama must be twice as wide as high, got {width} x {height} (W x H)'
            )
        self._pictures = [image]
        while self._pictures[-1].shape[0] >= 64:
            half = [side // 2 for side in self._pictures[-1].shape[1::-1]]
            self._pictures.append(
                cv2.resize(self._pictures[-1], half, interpolation=cv2.INTER_AREA)
            )
        self._pictures = [_with_margin(picture) for picture in self._pictures]

    def view(
        self,
        world2cam_rotmat: np.ndarray,
        intrinsics: np.ndarray,
        shape: tuple[int, int],
        *,
        yaw: float = 0.0,
    ) -> np.ndarray:
        """What a camera in the middle of the panorama sees.

        Args:
            world2cam_rotmat: The camera's rotation, `x_cam = R x_world`.
            intrinsics: Its pinhole matrix without skew.
            shape: Height and width of the view.
            yaw: Turn of the panorama about the vertical; positive moves its middle column right
                (toward +x).

        Shapes: rad, px.
            world2cam_rotmat: (3, 3).  intrinsics: (3, 3).  returns: (H, W, C) as the panorama.
        """
        picture = self._fitting(float(intrinsics[0, 0]))
        height, width = (side - 2 * _MARGIN for side in picture.shape[:2])
        x, y, z = _world_rays(world2cam_rotmat, intrinsics, shape)
        azimuth = (np.arctan2(x, z) - np.float32(yaw)) * np.float32(0.5 / np.pi) + np.float32(0.5)
        azimuth -= np.floor(azimuth)
        polar = np.arctan2(y, np.sqrt(x * x + z * z)) * np.float32(1 / np.pi) + np.float32(0.5)
        # OpenCV counts from the centres of pixels.
        offset = np.float32(_MARGIN - 0.5)
        return cv2.remap(
            picture,
            azimuth * np.float32(width) + offset,
            polar * np.float32(height) + offset,
            interpolation=cv2.INTER_LINEAR,
        )

    def _fitting(self, focal: float) -> np.ndarray:
        """The picture whose pixels are nearest in size to those in the middle of a view."""
        width = self._pictures[0].shape[1] - 2 * _MARGIN
        shrink = width / (2 * np.pi * focal)
        level = int(np.floor(np.log2(max(shrink, 1.0)) + 0.5))
        return self._pictures[min(level, len(self._pictures) - 1)]


def _with_margin(picture: np.ndarray) -> np.ndarray:
    """Columns go round, the first and last row are repeated."""
    wide = cv2.copyMakeBorder(picture, 0, 0, _MARGIN, _MARGIN, cv2.BORDER_WRAP)
    return cv2.copyMakeBorder(wide, _MARGIN, _MARGIN, 0, 0, cv2.BORDER_REPLICATE)


def _world_rays(
    rotation: np.ndarray, intrinsics: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """World directions through the middles of all pixels: x, y, z, each (H, W) float32."""
    height, width = shape
    col = (np.arange(width) + 0.5 - intrinsics[0, 2]) / intrinsics[0, 0]
    row = (np.arange(height) + 0.5 - intrinsics[1, 2]) / intrinsics[1, 1]
    along, down, ahead = np.asarray(rotation, np.float64)  # the camera's axes in the world
    return tuple(
        ((col * along[i])[None] + (row * down[i])[:, None] + ahead[i]).astype(np.float32)
        for i in range(3)
    )
