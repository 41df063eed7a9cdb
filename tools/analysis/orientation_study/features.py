"""What orientation modules read, and the bodies that they turn, of a whole data set in memory."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from mmengine import Config
from torch import Tensor, nn

from whmr.body_models import BodyModel
from whmr.datasets import FeatureCache
from whmr.engine.feature_cache import use_feature_cache
from whmr.keypoints import JOINT_SETS
from whmr.models.replay_preprocessor import unpack
from whmr.structures import OrientationInputs, WorldTargets

PELVIS = JOINT_SETS['spin49'].index('op_mid_hip')
POSING_BATCH = 64


@dataclass(frozen=True)
class Points:
    """Parts of the posed bodies: estimated in camera axes, labelled in world axes.

    Shapes: N people, P points.
        pelvis: (N, 1, 3), where the estimates turn about.  estimate, label: (N, P, 3) m.
    """

    pelvis: Tensor
    estimate: Tensor
    label: Tensor

    def turned(self, turn: Tensor, rows: Tensor | slice) -> Tensor:
        """The estimates of some people after a turn about the pelvis.

        Shapes: turn: (n, 3, 3).  returns: (n, P, 3).
        """
        pelvis = self.pelvis[rows]
        return (self.estimate[rows] - pelvis) @ turn.mT + pelvis


class Features:
    """A feature cache in memory; people without world label are left out.

    Args:
        fields: The fields of the cache (`whmr.models.replay_preprocessor.pack`).
        body: The body that poses are turned into meshes with.

    Raises:
        ValueError: The cache lacks the true rotation, or nobody has a world label.

    Shapes: fields: name -> (N, ...).
    """

    def __init__(self, fields: Mapping[str, Tensor], body: BodyModel) -> None:
        if 'label.world2cam_rotmat' not in fields:
            raise ValueError('the feature cache is of an older version: delete its folder')
        known = fields['label.has_world'] > 0.5
        if not known.any():
            raise ValueError('nobody in the data set has a world label')
        self.fields = {name: value[known] for name, value in fields.items()}
        self.body = body

    def __len__(self) -> int:
        return len(self.fields['input.body_feat'])

    def rotation(self, source: str) -> Tensor:
        """(N, 3, 3) camera rotations: the `predicted` or the `known` ones."""
        name = {'predicted': 'input.world2cam_rotmat', 'known': 'label.world2cam_rotmat'}
        return self.fields[name[source]]

    @property
    def label_orient(self) -> Tensor:
        """(N, 1, 3, 3) model -> world."""
        return self.fields['label.global_orient_world']

    def oriented(
        self, module: nn.Module | None, rotation: Tensor, rows: Tensor | slice
    ) -> tuple[Tensor, Tensor]:
        """A module's orientations of some people, and the turns of their meshes that follow.

        Args:
            module: The orientation module; None = the labelled orientation.
            rotation: The camera rotations of all people, that the module is fed.
            rows: Which people.

        Shapes: rotation: (N, 3, 3).  returns: (n, 1, 3, 3) model -> world, (n, 3, 3).
        """
        feat, info, orient, own = (
            self.fields[f'input.{name}'][rows]
            for name in ('body_feat', 'global_info', 'global_orient', 'own_global_orient')
        )
        if module is None:
            orient = self.label_orient[rows]
        else:
            orient = module(feat, info, rotation[rows], orient)
        return orient, (orient @ own.mT)[:, 0]

    @cached_property
    def trained_points(self) -> Points:
        """The 49 joints, then the vertices of the coarsest mesh: what the losses look at."""

        def pick(joints: Tensor, vertices: Tensor) -> Tensor:
            return torch.cat([joints, self.body.pyramid.down(vertices, 2)], 1)

        return self._points(pick)

    @cached_property
    def measured_points(self) -> Points:
        """The 24 body joints as metrics regress them, then all vertices."""

        def pick(_: Tensor, vertices: Tensor) -> Tensor:
            return torch.cat([self.body.joints_from_vertices(vertices)[:, :24], vertices], 1)

        return self._points(pick)

    @torch.no_grad()
    def _points(self, pick: Callable[[Tensor, Tensor], Tensor]) -> Points:
        parts = []
        for start in range(0, len(self), POSING_BATCH):
            rows = slice(start, start + POSING_BATCH)
            ready, label = self._posed(rows)
            parts.append(
                (
                    ready.joints[:, PELVIS : PELVIS + 1],
                    pick(ready.joints, ready.vertices),
                    pick(label.joints_world, label.vertices_world),
                )
            )
        return Points(*(torch.cat(values) for values in zip(*parts, strict=True)))

    def _posed(self, rows: slice) -> tuple[OrientationInputs, WorldTargets]:
        return unpack({name: value[rows] for name, value in self.fields.items()}, self.body)


def load_features(
    cfg: Config, dataset: Mapping[str, Any], body: BodyModel, *, num_versions: int = 1
) -> Features:
    """The features of a data set by the frozen parts of a stage III config; made where missing.

    Args:
        cfg: The config; its orientation module plays no part.
        dataset: Config of the data set, with its pipeline.
        body: The config's body.
        num_versions: Augmented versions of each sample, all of them kept.

    Raises:
        ConfigError, FeatureCacheError: See `use_feature_cache`.
    """
    cfg = copy.deepcopy(cfg)
    cfg.model.orientation.pop('init_cfg', None)
    cfg.train_dataloader['dataset'] = copy.deepcopy(dict(dataset))
    cached = use_feature_cache(cfg, num_versions=num_versions)
    cache = FeatureCache(cached.train_dataloader.dataset.folder)
    rows = [
        cache.read(version, index)
        for version in range(num_versions)
        for index in range(cache.manifest['num_samples'])
    ]
    fields = {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}
    return Features(fields, body)
