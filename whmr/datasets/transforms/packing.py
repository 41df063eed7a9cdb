"""The last transform: from a dict to what the data loader hands on."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData

from whmr.registry import TRANSFORMS
from whmr.structures import HMRDataSample

# Results key -> field of `gt_instances` (a leading axis of length 1 is added).
LABELS = {
    'bbox': 'bboxes',
    'bbox_score': 'bbox_scores',
    'keypoints_2d': 'keypoints_2d',
    'keypoints_2d_conf': 'keypoints_2d_conf',
    'keypoints_3d': 'keypoints_3d',
    'keypoints_3d_conf': 'keypoints_3d_conf',
    'has_keypoints_3d': 'has_keypoints_3d',
    'global_orient': 'global_orient',
    'body_pose': 'body_pose',
    'betas': 'betas',
    'has_smpl': 'has_smpl',
    'cam_t': 'cam_t',
    'has_cam_t': 'has_cam_t',
    'global_orient_world': 'global_orient_world',
    'has_world': 'has_world',
}
CAMERA_LABELS = ('intrinsics', 'has_focal_length', 'world2cam_rotmat', 'has_world2cam')
METAS = ('img_path', 'img_id', 'sample_idx', 'dataset', 'ori_shape', 'crop_shape', 'crop2full')
METAS = (*METAS, 'topology', 'gender', 'flipped', 'bad_photo')
KNOWN = ('focal_length', 'world2cam_rotmat')


@TRANSFORMS.register_module()
class PackHMRInputs(BaseTransform):
    """Pack pictures as tensors and everything else as an `HMRDataSample`.

    A sample without labels (inference) gets no `gt_instances` and no `gt_camera`. A sample whose
    photo could not be read (`bad_photo` says why) keeps its labels but for their flags and
    confidences, which say that there are none. What the user
    knows of the camera (`known_focal_length`, `known_world2cam_rotmat`) becomes `camera`.

    Required Keys:

    - crop and/or full
    - ori_shape

    Added Keys:

    - inputs
    - data_samples

    Args:
        known_camera: Labels that the model is told as known: `focal_length`, `world2cam_rotmat`
            (the protocol in which the data set's camera is fed in).
        meta_keys: More results keys for the sample's metainfo.

    Raises:
        ValueError: `known_camera` names something else.

    Shapes: N = 1 in every field.
        inputs: `crop` (3, h, w), `full` (3, H', W') uint8 BGR.
        `gt_instances`: `bboxes` (1, 4), `bbox_scores` (1,), `keypoints_2d` (1, 49, 2) full px, and
        so on as the row of `HMRDataset`.
        `gt_camera`: `intrinsics` (1, 3, 3) full px, `has_focal_length` (1,),
        `world2cam_rotmat` (1, 3, 3), `has_world2cam` (1,).
        `camera`: `focal_length` (1,) full px, `world2cam_rotmat` (1, 3, 3).
    """

    def __init__(self, known_camera: Sequence[str] = (), meta_keys: Sequence[str] = ()) -> None:
        if not set(known_camera) <= set(KNOWN):
            raise ValueError(f'known_camera must be some of {KNOWN}, got {tuple(known_camera)}')
        self.known_camera = tuple(known_camera)
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack the sample.

        Args:
            results: The sample.

        Raises:
            KeyError: There is neither `crop` nor `full`, or a key of `meta_keys` is missing.

        Shapes: as in the class.
        """
        inputs = {name: _picture(results[name]) for name in ('crop', 'full') if name in results}
        if not inputs:
            raise KeyError("neither 'crop' nor 'full': put CropPerson before PackHMRInputs")
        missing = [key for key in self.meta_keys if key not in results]
        if missing:
            raise KeyError(f'meta_keys {missing} are not in the sample; it has {sorted(results)}')
        metas = {key: results[key] for key in METAS if key in results}
        metas |= {key: results[key] for key in self.meta_keys}
        metas.setdefault('flipped', False)
        sample = HMRDataSample(metainfo=metas)
        labels = {LABELS[key]: _field(results[key]) for key in LABELS if key in results}
        camera = {key: _field(results[key]) for key in CAMERA_LABELS if key in results}
        if 'bad_photo' in results:
            labels, camera = _unlabelled(labels), _unlabelled(camera)
        if 'has_smpl' in labels or 'keypoints_2d' in labels:
            sample.gt_instances = _instance(labels)
        if camera:
            sample.gt_camera = _instance(camera)
        known = self._known(results)
        if known:
            sample.camera = _instance(known)
        return {'inputs': inputs, 'data_samples': sample}

    def _known(self, results: dict) -> dict[str, torch.Tensor]:
        """The camera that the model is told."""
        known = {}
        for name in KNOWN:
            if f'known_{name}' in results:
                known[name] = _field(results[f'known_{name}'])
        if 'focal_length' in self.known_camera and results.get('has_focal_length', False):
            known['focal_length'] = _field(results['intrinsics'][1, 1])
        if 'world2cam_rotmat' in self.known_camera and results.get('has_world2cam', False):
            known['world2cam_rotmat'] = _field(results['world2cam_rotmat'])
        return known


def _instance(fields: dict[str, torch.Tensor]) -> InstanceData:
    """One person or camera; `set_field` spares the checks that `InstanceData` makes for each."""
    instance = InstanceData()
    for name, value in fields.items():
        instance.set_field(value, name)
    return instance


def _unlabelled(fields: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same fields, marked as missing."""
    marks = [name for name in fields if name.startswith('has_') or name.endswith('_conf')]
    return fields | {name: torch.zeros_like(fields[name]) for name in marks}


def _picture(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(cv2.split(picture)))


def _field(value: np.ndarray | float | bool) -> torch.Tensor:
    array = np.asarray(value)
    if array.dtype.kind == 'f':
        array = array.astype(np.float32)
    return torch.from_numpy(np.array(array[None]))
