"""Machinery of the converters in `tools/dataset_converters/`."""

from whmr.datasets.conversion.command_line import run_converter
from whmr.datasets.conversion.converter import Converter, convert_split
from whmr.datasets.conversion.images import (
    extract_frames,
    image_size,
    link_images,
    photo_problem,
)
from whmr.datasets.conversion.label_checks import (
    AXES,
    check_up_axis,
    hip_angle,
    reprojection_residual,
    rigid_motion,
    rotation_matrices,
)
from whmr.datasets.conversion.label_file import (
    LabelFileConverter,
    gender_name,
    square_box,
    text,
)
from whmr.datasets.conversion.labels import (
    PelvisTable,
    box_from_points,
    intrinsics,
    number_array,
    pick_joints,
    project_points,
    smpl_in_camera,
    world_labels,
)
from whmr.datasets.conversion.leeds_sports import LeedsSportsConverter
from whmr.datasets.conversion.rows import Dropped, Row
from whmr.datasets.conversion.shards import shard_names, shard_range
from whmr.datasets.conversion.source_files import (
    read_cdf,
    read_hdf5,
    read_json,
    read_mat,
    read_pickle,
    require_fields,
)
from whmr.datasets.conversion.spin_rows import (
    smpl_labels,
    spin_keypoints,
    spin_keypoints_3d,
)
from whmr.datasets.conversion.summary import ConversionSummary, DropCount
from whmr.datasets.conversion.world_label_file import WorldLabelFileConverter
from whmr.datasets.conversion.writer import AnnotationWriter, summary_file
from whmr.datasets.errors import SourceError

__all__ = [
    'AXES',
    'AnnotationWriter',
    'ConversionSummary',
    'Converter',
    'DropCount',
    'Dropped',
    'LabelFileConverter',
    'LeedsSportsConverter',
    'PelvisTable',
    'Row',
    'SourceError',
    'WorldLabelFileConverter',
    'box_from_points',
    'check_up_axis',
    'convert_split',
    'extract_frames',
    'gender_name',
    'hip_angle',
    'image_size',
    'intrinsics',
    'link_images',
    'number_array',
    'photo_problem',
    'pick_joints',
    'project_points',
    'read_cdf',
    'read_hdf5',
    'read_json',
    'read_mat',
    'read_pickle',
    'reprojection_residual',
    'require_fields',
    'rigid_motion',
    'rotation_matrices',
    'run_converter',
    'shard_names',
    'shard_range',
    'smpl_in_camera',
    'smpl_labels',
    'spin_keypoints',
    'spin_keypoints_3d',
    'square_box',
    'summary_file',
    'text',
    'world_labels',
]
