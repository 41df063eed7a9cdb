"""CPU rendering: label maps of posed bodies, and pictures of scenes."""

from whmr.rendering.scene import render_scene
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
    'SceneCamera',
    'SceneGround',
    'SceneImage',
    'SceneLight',
    'SceneMesh',
    'SkyGradient',
    'render_scene',
]
