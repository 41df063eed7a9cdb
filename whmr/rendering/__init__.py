"""CPU rendering: label maps of posed bodies, and pictures of scenes."""

from whmr.rendering.maps import SurfaceMaps, render_maps
from whmr.rendering.rasterizer import RasterOutput, rasterize
from whmr.rendering.scene import render_scene
from whmr.rendering.scene_openness import surface_openness
from whmr.rendering.scene_types import (
    Panorama,
    SceneCamera,
    SceneGround,
    SceneImage,
    SceneLight,
    SceneMesh,
    SkyGradient,
)

__all__ = [
    'Panorama',
    'RasterOutput',
    'SceneCamera',
    'SceneGround',
    'SceneImage',
    'SceneLight',
    'SceneMesh',
    'SkyGradient',
    'SurfaceMaps',
    'rasterize',
    'render_maps',
    'render_scene',
    'surface_openness',
]
