"""Label maps of a rendered body: part, surface coordinates and depth at each pixel."""

from typing import NamedTuple

import torch
from torch import Tensor

from whmr.body_models import BodyAtlas
from whmr.rendering.rasterizer import RasterOutput


class SurfaceMaps(NamedTuple):
    """What the IUV and depth heads are taught (W-HMR Eq. 11 and 12).

    Shapes: B batch, h and w the image.
        iuv_index: (B, h, w) int64, part 1..24, 0 = background.
        iuv_uv: (B, 2, h, w) in [0, 1], 0 on background.
        depth: (B, 1, h, w) m, 0 = background.
    """

    iuv_index: Tensor
    iuv_uv: Tensor
    depth: Tensor


@torch.no_grad()
def render_maps(raster: RasterOutput, atlas: BodyAtlas) -> SurfaceMaps:
    """Look up the part and the surface coordinates of what is seen at each pixel.

    Args:
        raster: The rasterised body.
        atlas: The atlas of that same body (`body.atlas`), on the same device.

    Raises:
        ValueError: The atlas has fewer faces than the raster shows.

    Shapes: B batch, h and w the image.
        raster: (B, h, w).  returns: SurfaceMaps.
    """
    face = raster.face_id.clamp(min=0)
    if face.numel() and int(face.max()) >= len(atlas.part):
        raise ValueError(
            f'the raster shows face {int(face.max())}, but the atlas of topology '
            f'{atlas.topology!r} has {len(atlas.part)} faces: use the same body for both'
        )
    index = torch.where(raster.face_id >= 0, atlas.part[face], 0)
    # the weights are zero on background, and so are the coordinates
    corners = atlas.uv.to(raster.barycentric.dtype)[face]
    uv = (raster.barycentric[..., None] * corners).sum(dim=-2)
    return SurfaceMaps(index, uv.movedim(-1, 1), raster.depth[:, None])
