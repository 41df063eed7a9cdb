"""Meshes as PLY files."""

import numpy as np

from whmr.visualization.export.axes import points_y_up
from whmr.visualization.mesh_io import check_mesh


def encode_ply(vertices: np.ndarray, faces: np.ndarray, *, color: np.ndarray) -> bytes:
    """The bytes of a binary PLY file, in metres, with y up, coloured.

    Args:
        vertices: The mesh.
        faces: Its triangles.
        color: Of the whole mesh.

    Shapes: vertices: (V, 3) m, camera or world axes.  faces: (F, 3) int.  color: (3,) in [0, 1].

    Raises:
        ValueError: If a shape is wrong, or a face names a vertex that is not there.
    """
    check_mesh('encode_ply', vertices, faces)
    header = '\n'.join(
        [
            'ply',
            'format binary_little_endian 1.0',
            'comment metres, y up',
            f'element vertex {len(vertices)}',
            *(f'property float {axis}' for axis in 'xyz'),
            *(f'property uchar {name}' for name in ('red', 'green', 'blue')),
            f'element face {len(faces)}',
            'property list uchar int vertex_indices',
            'end_header\n',
        ]
    )
    points = np.empty(len(vertices), dtype=[('xyz', '<f4', 3), ('rgb', 'u1', 3)])
    points['xyz'] = points_y_up(vertices)
    points['rgb'] = np.clip(np.rint(np.asarray(color) * 255), 0, 255)
    triangles = np.empty(len(faces), dtype=[('count', 'u1'), ('corners', '<i4', 3)])
    triangles['count'] = 3
    triangles['corners'] = faces
    return header.encode() + points.tobytes() + triangles.tobytes()
