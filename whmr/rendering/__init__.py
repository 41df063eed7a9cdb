"""CPU rendering: label maps of posed bodies, and pictures of scenes."""

from whmr.rendering.maps import SurfaceMaps, render_maps
from whmr.rendering.rasterizer import RasterOutput, rasterize
from whmr.rendering.scene import render_scene
from whmr.rendering.scene_openness import sphere_points, surface_openness, vertex_normals
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
    'sphere_points',
    'surface_openness',
    'vertex_normals',
]
