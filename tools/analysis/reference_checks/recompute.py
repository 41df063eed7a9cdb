"""The forward pass once more, written down straight from the method's formulas.

It reads the release's own weights under the release's names and shares no module, converter or
geometry with the package; only joint tables come from there. So it tells what a variant must give
of which no release run is at hand. It starts from the feature maps and computes in float64.
"""

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from reference_checks.folder import ReferenceFolder
from whmr.keypoints import SMPL54_TO_SPIN49

GRIDS = {  # rows and columns of the first step's points
    ('res50', 'markers'): (8, 8),
    ('vitpose', 'markers'): (9, 7),
    ('res50', 'vertices'): (21, 21),
    ('vitpose', 'vertices'): (24, 18),
}
FOCAL = 1000.0
GRAPHORMER = 'transformer.0.trans_encoder.0.bert.'


class Recomputation:
    """One variant.

    Args:
        folder: Where the arrays of the body are.
        variant: The variant.
        weights: The release's state dict.
        landmarks: Vertex ids of the 21 landmarks.
    """

    def __init__(
        self,
        folder: ReferenceFolder,
        variant: str,
        weights: Mapping[str, Tensor],
        landmarks: Tensor,
    ) -> None:
        self.weights = {key: value.double() for key, value in weights.items()}
        self.arrays = {key: _tensor(value) for key, value in _arrays(folder).items()}
        config = folder.keys(variant)['config']
        self.is_vit = config['BACKBONE'] == 'vitpose'
        self.hybrid = config['VARIANT'] == 'vertices'
        self.rows, self.columns = GRIDS[config['BACKBONE'], config['VARIANT']]
        self.side = 256 if self.is_vit else 224
        self.landmarks = landmarks

    def forward(self, maps: list[Tensor], metas: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Steps, distance and body feature, under the names of the recorded outputs.

        Args:
            maps: The three maps of the deconvolutions.
            metas: `center`, `bbox_height`, `orig_shape` as recorded.
        """
        maps = [each.double() for each in maps]
        center, side, shape = (metas[k].double() for k in ('center', 'bbox_height', 'orig_shape'))
        size = shape.flip(1)  # W, H
        diagonal = size.norm(dim=1, keepdim=True)
        info = torch.cat([center - size / 2, side[:, None], size], 1) / diagonal
        distance = self._distance(maps[2])
        batch = len(info)
        pose = self.arrays['pose'].expand(batch, 24, 3, 3)
        betas, cam = self.arrays['shape'].expand(batch, 10), self.arrays['cam'].expand(batch, 3)
        outputs = {'Tz': distance}
        sampled = torch.empty(0)
        points = torch.tensor(
            [
                [-1 + 2 * x / (self.columns - 1), -1 + 2 * y / (self.rows - 1)]
                for x in range(self.columns)
                for y in range(self.rows)
            ],
            dtype=torch.float64,
        ).expand(batch, -1, -1)
        for number in range(3):
            raw = _bilinear(maps[number], points)
            feat = self._mlp(f'maf_extractor.{number}', raw)
            if number < 2 or not self.hybrid:
                update = self._regress(f'regressor.{number}', feat, info, pose, betas, cam)
                outputs |= {f's{number + 1}_pred_pose': update[0].flatten(1)}
                pose, betas, cam = _gram_schmidt(update[0]), update[1], update[2]
                vertices, skeleton = self._skin(betas, pose)
            else:
                vertices = self._graphormer(sampled, raw, feat)
                skeleton = self.arrays['J_regressor'] @ vertices
            joints = self._joints49(skeleton, vertices)
            focal = cam[:, 0] * side * distance / 2
            offset = 2 * (center - size / 2) / (cam[:, :1] * side[:, None])
            translation = torch.cat([cam[:, 1:] + offset, distance[:, None]], 1)
            placed = joints + translation[:, None]
            pixels = focal[:, None, None] * placed[..., :2] / placed[..., 2:] + size[:, None] / 2
            step = {
                'rotmat': pose,
                'pred_shape': betas,
                'pred_cam': cam,
                'pred_cam_t': translation,
                'focal_length': focal,
                'kp_3d': joints,
                'kp_2d': self._crop(joints, cam),
                'kp_2d_w': pixels / (size[:, None] / 2) - 1,
                'verts': vertices[:, ::40],
            }
            outputs |= {f's{number + 1}_{name}': value for name, value in step.items()}
            sampled = self._sampled(vertices)
            points = self._crop(sampled, cam)
        outputs['body_feat'] = torch.cat([feat, info], 1)
        return outputs

    def orient(self, body_feat: Tensor, rotation: Tensor, orient: Tensor) -> Tensor:
        """OrientCorrect, from `body_feat` with its five numbers of the box."""
        six = rotation[:, :, :2].flatten(1).double()
        x = torch.cat([body_feat.double(), six, orient.flatten(1).double()], 1)
        x = self._linear('global_orient.fc2', self._linear('global_orient.fc1', x))
        x = self._linear('global_orient.decrot', x).view(-1, 1, 3, 3)
        return _gram_schmidt(x + orient.double())

    def _linear(self, key: str, x: Tensor) -> Tensor:
        bias = self.weights.get(f'{key}.bias')
        return F.linear(x, self.weights[f'{key}.weight'], bias)

    def _norm(self, key: str, x: Tensor, eps: float) -> Tensor:
        x = x - x.mean(-1, keepdim=True)
        x = x / (x.square().mean(-1, keepdim=True) + eps).sqrt()
        return x * self.weights[f'{key}.weight'] + self.weights[f'{key}.bias']

    def _mlp(self, key: str, raw: Tensor) -> Tensor:
        x = raw
        for layer in range(3):
            x = x if layer == 0 else torch.cat([x, raw], 1)
            weight, bias = (self.weights[f'{key}.conv{layer}.{n}'] for n in ('weight', 'bias'))
            x = weight[..., 0] @ x + bias[:, None]
            x = x.clamp(min=0) if layer == 2 else torch.where(x > 0, x, 0.01 * x)
        return x.flatten(1)

    def _regress(self, key: str, feat: Tensor, info: Tensor, *state: Tensor) -> list[Tensor]:
        x = torch.cat([feat, info, *(part.flatten(1) for part in state)], 1)
        x = self._linear(f'{key}.fc2', self._linear(f'{key}.fc1', x))
        decoders = ('decpose', 'decshape', 'deccam')
        return [
            old + self._linear(f'{key}.{name}', x).view(old.shape)
            for old, name in zip(state, decoders, strict=True)
        ]

    def _distance(self, feature_map: Tensor) -> Tensor:
        weight = self.weights
        x = F.conv2d(feature_map, weight['conv.0.weight'], stride=3 if self.is_vit else 2)
        x = F.conv2d(x, weight['conv.1.weight'], stride=2).flatten(2)
        key = 'transformer_decoder'
        mixed = self._norm(f'{key}.norm1', x, 1e-5)
        query, key_, value = (
            part.unflatten(2, (2, -1)).transpose(1, 2)
            for part in self._linear(f'{key}.attn.qkv', mixed).chunk(3, dim=2)
        )
        mixed = _attention(query, key_, value).transpose(1, 2).flatten(2)
        x = x + self._linear(f'{key}.attn.proj', mixed)
        hidden = F.gelu(self._linear(f'{key}.mlp.fc1', self._norm(f'{key}.norm2', x, 1e-5)))
        x = (x + self._linear(f'{key}.mlp.fc2', hidden)).mean(1)
        x = self._linear('est_Tz.1', self._linear('est_Tz.0', x))
        mean, variance = weight['est_Tz.2.running_mean'], weight['est_Tz.2.running_var']
        x = (x - mean) / (variance + 1e-5).sqrt() * weight['est_Tz.2.weight']
        return 10 * torch.sigmoid(x + weight['est_Tz.2.bias'])[:, 0]

    def _skin(self, betas: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
        arrays = self.arrays
        shaped = arrays['v_template'] + torch.einsum('bs,vcs->bvc', betas, arrays['shapedirs'])
        rest = arrays['J_regressor'] @ shaped
        bend = (pose[:, 1:] - torch.eye(3, dtype=pose.dtype)).flatten(1)
        shaped = shaped + torch.einsum('bp,vcp->bvc', bend, arrays['posedirs'])
        turns, places = [pose[:, 0]], [rest[:, 0]]
        for joint, parent in enumerate(arrays['kintree_table'][0].tolist()[1:], start=1):
            bone = (rest[:, joint] - rest[:, parent])[..., None]
            places.append((turns[parent] @ bone)[..., 0] + places[parent])
            turns.append(turns[parent] @ pose[:, joint])
        turn, place = torch.stack(turns, 1), torch.stack(places, 1)
        vertices = 0
        for joint in range(24):
            moved = (shaped - rest[:, joint, None]) @ turn[:, joint].mT + place[:, joint, None]
            vertices = vertices + arrays['weights'][:, joint, None] * moved
        return vertices, place

    def _joints49(self, skeleton: Tensor, vertices: Tensor) -> Tensor:
        extra = self.arrays['J_regressor_extra'] @ vertices
        joints = torch.cat([skeleton, vertices[:, self.landmarks], extra], 1)
        return joints[:, list(SMPL54_TO_SPIN49)]

    def _sampled(self, vertices: Tensor) -> Tensor:
        if not self.hybrid:
            return vertices[:, self.arrays['markers']]
        return self.arrays['downsampling1'] @ (self.arrays['downsampling0'] @ vertices)

    def _crop(self, points: Tensor, cam: Tensor) -> Tensor:
        depth = 2 * FOCAL / (self.side * cam[:, 0] + 1e-9)
        placed = points + torch.stack([cam[:, 1], cam[:, 2], depth], 1)[:, None]
        return FOCAL * placed[..., :2] / placed[..., 2:] / (self.side / 2)

    def _graphormer(self, points: Tensor, raw: Tensor, feat: Tensor) -> Tensor:
        tokens = torch.cat([points, raw.mT], 2)
        everything = torch.cat(
            [tokens, self._linear('transformer.0.global_feat_dim', feat)[:, None]], 1
        )
        positions = self.weights[f'{GRAPHORMER}position_embeddings.weight']
        x = (
            self._linear(f'{GRAPHORMER}img_embedding', everything)
            + positions[: everything.shape[1]]
        )
        for layer in range(4):
            x = self._graphormer_layer(f'{GRAPHORMER}encoder.layer.{layer}.', x)
        head = 'transformer.0.trans_encoder.0.'
        coarse = self._linear(f'{head}cls_head', x) + self._linear(f'{head}residual', everything)
        middle = self._linear('transformer.0.upsampling', coarse[:, :-1].mT)
        return self._linear('transformer.0.upsampling2', middle).mT

    def _graphormer_layer(self, key: str, x: Tensor) -> Tensor:
        attention = f'{key}attention.'
        query, key_, value = (
            self._linear(f'{attention}self.{n}', x).unflatten(2, (4, 8)).transpose(1, 2)
            for n in ('query', 'key', 'value')
        )
        mixed = _attention(query, key_, value).transpose(1, 2).flatten(2)
        mixed = self._linear(f'{attention}output.dense', mixed)
        x = self._norm(f'{attention}output.LayerNorm', x + mixed, 1e-12)
        mesh, graph = x[:, :-1], f'{key}graph_conv.'
        y = self._affine(f'{graph}lin1', self._norm(f'{graph}pre_norm', mesh, 1e-12).clamp(min=0))
        y = self._norm(f'{graph}norm1', y, 1e-12).clamp(min=0)
        y = self.arrays['adjacency'] @ (y @ self.weights[f'{graph}conv.weight'])
        y = self._norm(f'{graph}norm2', y + self.weights[f'{graph}conv.bias'], 1e-12)
        mesh = mesh + self._affine(f'{graph}lin2', y.clamp(min=0))
        x = torch.cat([mesh, x[:, -1:]], 1)
        hidden = F.gelu(self._linear(f'{key}intermediate.dense', x))
        return self._norm(
            f'{key}output.LayerNorm', x + self._linear(f'{key}output.dense', hidden), 1e-12
        )

    def _affine(self, key: str, x: Tensor) -> Tensor:
        return x @ self.weights[f'{key}.W'].T + self.weights[f'{key}.b']


def _arrays(folder: ReferenceFolder) -> dict[str, np.ndarray]:
    """SMPL's arrays, mean parameters, and the matrices of the mesh pyramid, dense."""
    arrays = folder.body_arrays()
    arrays['J_regressor_extra'] = np.load(folder.file('J_regressor_extra.npy'))
    arrays['markers'] = np.load(folder.file('smpl_ssm.npy')).astype(np.int64)
    with np.load(folder.file('mesh_downsampling_plain.npz')) as data:
        for level in (0, 1):
            row, column, value, shape = (
                data[f'D{level}_{part}'] for part in ('row', 'col', 'val', 'shape')
            )
            arrays[f'downsampling{level}'] = np.zeros(shape)
            arrays[f'downsampling{level}'][row, column] = value
        neighbours = np.eye(len(arrays['downsampling1']))
        neighbours[data['A2_row'], data['A2_col']] = 1
    arrays['adjacency'] = neighbours / neighbours.sum(1, keepdims=True)
    with np.load(folder.file('smpl_mean_params.npz')) as data:
        columns = data['pose'].reshape(24, 3, 2).astype(np.float64)
        arrays |= {name: data[name] for name in ('shape', 'cam')}
    first = columns[..., 0] / np.linalg.norm(columns[..., 0], axis=1, keepdims=True)
    second = columns[..., 1] - (first * columns[..., 1]).sum(1, keepdims=True) * first
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    arrays['pose'] = np.stack([first, second, np.cross(first, second)], 2)
    return arrays


def _tensor(array: np.ndarray) -> Tensor:
    value = torch.from_numpy(np.ascontiguousarray(array))
    return value.double() if value.is_floating_point() else value.long()


def _attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    scores = query @ key.mT / query.shape[-1] ** 0.5
    return scores.softmax(-1) @ value


def _bilinear(feature_map: Tensor, points: Tensor) -> Tensor:
    """Values (B, C, P) at points in [-1, 1], corners at pixel centres, zeros outside."""
    channels, h, w = feature_map.shape[1:]
    x, y = ((points[..., i] + 1) / 2 * (side - 1) for i, side in ((0, w), (1, h)))
    out = 0
    for dx in (0, 1):
        for dy in (0, 1):
            column, row = x.floor() + dx, y.floor() + dy
            share = (1 - (x - column).abs()) * (1 - (y - row).abs())
            inside = (column >= 0) & (column < w) & (row >= 0) & (row < h)
            place = (row.clamp(0, h - 1) * w + column.clamp(0, w - 1)).long()
            values = feature_map.flatten(2).gather(2, place[:, None].expand(-1, channels, -1))
            out = out + (share * inside)[:, None] * values
    return out


def _gram_schmidt(matrix: Tensor) -> Tensor:
    t1, t2, t3 = matrix.unbind(-1)
    r1 = F.normalize(torch.linalg.cross(t2, t3) + t1, dim=-1)
    q = (torch.linalg.cross(t3, r1) + t2) / 2
    r2 = F.normalize(q - (q * r1).sum(-1, keepdim=True) * r1, dim=-1)
    return torch.stack([r1, r2, torch.linalg.cross(r1, r2)], -1)
