"""Pictures of people over their photo, from the side and in the world; meshes as files."""

from whmr.visualization.comparison import orientation_variants
from whmr.visualization.figure import draw_figure
from whmr.visualization.framing import frame_points
from whmr.visualization.horizon import draw_horizon, horizon_line
from whmr.visualization.image_io import encode_png, save_png
from whmr.visualization.mesh_io import encode_obj, save_obj
from whmr.visualization.overlay import LAYERS, draw_overlay, render_overlay
from whmr.visualization.palette import PERSON_COLORS, person_color
from whmr.visualization.pictures import PICTURES, check_pictures, draw_pictures
from whmr.visualization.posed_people import PosedPeople, share_focal_length
from whmr.visualization.side_view import draw_side_view
from whmr.visualization.top_view import draw_top_view
from whmr.visualization.visualizer import HMRVisualizer
from whmr.visualization.world_columns import draw_world_columns
from whmr.visualization.world_view import draw_world_view

__all__ = [
    'LAYERS',
    'PERSON_COLORS',
    'PICTURES',
    'HMRVisualizer',
    'PosedPeople',
    'check_pictures',
    'draw_figure',
    'draw_horizon',
    'draw_overlay',
    'draw_pictures',
    'draw_side_view',
    'draw_top_view',
    'draw_world_columns',
    'draw_world_view',
    'encode_obj',
    'encode_png',
    'frame_points',
    'horizon_line',
    'orientation_variants',
    'person_color',
    'render_overlay',
    'save_obj',
    'save_png',
    'share_focal_length',
]
