"""Pictures of data samples for the Runner's logs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import master_only
from mmengine.structures import InstanceData
from mmengine.visualization import Visualizer

from whmr.body_models import BodyModel, FreeBody
from whmr.keypoints import JOINT_SETS
from whmr.registry import BODY_MODELS, VISUALIZERS, build_child
from whmr.structures import HMRDataSample
from whmr.visualization.image_io import save_png
from whmr.visualization.overlay import draw_overlay
from whmr.visualization.posed_people import PosedPeople
from whmr.visualization.world_columns import draw_world_columns

PELVIS = JOINT_SETS['spin49'].index('op_mid_hip')


@VISUALIZERS.register_module()
class HMRVisualizer(Visualizer):
    """Draws people over their photo and in the world, and hands the pictures to the backends.

    Args:
        name: Name of this instance (MMEngine keeps one per name).
        image: The picture that MMEngine's own drawing methods start with; (H, W, 3) uint8 RGB.
        body_model: A config of `BODY_MODELS`, or a built body: the triangles of the meshes in the
            samples. None: the bundled free body.
        max_side: Photos are shrunk to this longer side, px.
        vis_backends: Where pictures go, as in MMEngine.
        save_dir: Folder of the local backends.
    """

    def __init__(
        self,
        name: str = 'visualizer',
        image: np.ndarray | None = None,
        *,
        body_model: Mapping[str, Any] | BodyModel | None = None,
        max_side: int = 1024,
        vis_backends: Sequence[Mapping[str, Any]] | None = None,
        save_dir: str | None = None,
    ) -> None:
        super().__init__(
            name=name,
            image=image,
            vis_backends=None if vis_backends is None else list(vis_backends),
            save_dir=save_dir,
        )
        self._body_model: Any = body_model
        self._faces: np.ndarray | None = None
        self.max_side = max_side

    @property
    def faces(self) -> np.ndarray:
        """(F, 3) int64, read when the first mesh is drawn."""
        if self._faces is None:
            body = FreeBody() if self._body_model is None else self._body_model
            self._faces = build_child(BODY_MODELS, body).faces.cpu().numpy()
        return self._faces

    @master_only
    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: HMRDataSample | Sequence[HMRDataSample] | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | Path | None = None,
        step: int = 0,
    ) -> None:
        """Draw one photo: its labels and predictions over it, and in the world where that is known.

        Two pictures go to the backends: `{name}` and, where a sample knows its world,
        `{name}_world`. Labels stand on the left of predictions. Containers without meshes
        (`vertices` and `cam_t`) are skipped.

        Args:
            name: Name of the pictures.
            image: The full photo.
            data_sample: The person, or all people, of this photo.
            draw_gt: Draw `gt_instances`.
            draw_pred: Draw `pred_instances`.
            show: Show the first picture in a window.
            wait_time: How long the window stays, s; 0 waits for a key.
            out_file: Also write the first picture here, as PNG.
            step: Step of the log.

        Shapes: image: (H, W, 3) uint8 RGB.
        """
        samples = (
            [data_sample] if isinstance(data_sample, HMRDataSample) else list(data_sample or [])
        )
        wanted = {'labels': ('gt', draw_gt), 'predictions': ('pred', draw_pred)}
        people = {
            title: self._people(samples, prefix, image.shape[:2])
            for title, (prefix, draw) in wanted.items()
            if draw
        }
        people = {title: found for title, found in people.items() if len(found)}
        overlays = [draw_overlay(image, found, max_side=self.max_side) for found in people.values()]
        drawn = np.hstack(overlays) if overlays else image
        self.set_image(drawn)
        self.add_image(name, drawn, step)
        worlds = {title: found for title, found in people.items() if found.has_world}
        if worlds:
            self.add_image(f'{name}_world', draw_world_columns(worlds), step)
        if out_file is not None:
            save_png(out_file, drawn)
        if show:
            self.show(drawn, win_name=name, wait_time=wait_time)

    def _people(
        self, samples: Sequence[HMRDataSample], prefix: str, image_shape: tuple[int, int]
    ) -> PosedPeople:
        """The people whose container `{prefix}_instances` holds a mesh and its place."""
        bodies = [sample.get(f'{prefix}_instances') for sample in samples]
        cameras = [sample.get(f'{prefix}_camera') for sample in samples]
        known = [
            (body, camera)
            for body, camera in zip(bodies, cameras, strict=True)
            if _has(body, 'vertices')
            and _has(body, 'cam_t')
            and bool(_number(body, 'cam_t')[0, 2] > 0)
        ]
        if not known:
            faces = np.zeros((0, 3), dtype=np.int64)
            return PosedPeople(np.zeros((0, 0, 3)), faces, np.zeros((0, 3)), np.zeros(0))
        diagonal = float(np.hypot(*image_shape))
        world = all(_has(b, 'vertices_world') and _has(c, 'world2cam_rotmat') for b, c in known)
        vertices = np.concatenate([_number(body, 'vertices') for body, _ in known])
        if self.faces.max() >= vertices.shape[1]:
            raise ValueError(
                f'HMRVisualizer: meshes of {vertices.shape[1]} vertices are not those of its '
                'body_model; give the model that made them'
            )
        return PosedPeople(
            vertices,
            self.faces,
            np.concatenate([_number(body, 'cam_t') for body, _ in known]),
            np.array([_focal(body, camera, diagonal) for body, camera in known]),
            np.concatenate([_number(b, 'vertices_world') for b, _ in known]) if world else None,
            np.concatenate([_pelvis(body) for body, _ in known]),
            _number(known[0][1], 'world2cam_rotmat')[0] if world else None,
        )


def _has(container: InstanceData | None, field: str) -> bool:
    return container is not None and field in container


def _number(container: InstanceData, field: str) -> np.ndarray:
    value = container.get(field)
    return value if isinstance(value, np.ndarray) else value.detach().float().cpu().numpy()


def _pelvis(body: InstanceData) -> np.ndarray:
    return _number(body, 'joints')[:, PELVIS] if _has(body, 'joints') else np.zeros((1, 3))


def _focal(body: InstanceData, camera: InstanceData | None, diagonal: float) -> float:
    """Focal length, px: the person's, else that of the intrinsics, else the photo's diagonal."""
    if _has(body, 'focal_length'):
        return float(_number(body, 'focal_length')[0])
    if _has(camera, 'intrinsics') and _number(camera, 'intrinsics')[0, 0, 0] > 0:
        return float(_number(camera, 'intrinsics')[0, 0, 0])
    return diagonal
