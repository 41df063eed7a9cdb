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
from whmr.visualization.horizon import draw_horizon
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
            samples, and what makes meshes of labels. None: the bundled free body, or what
            `use_body` gets.
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
        self.max_side = max_side

    def use_body(self, body_model: BodyModel) -> None:
        """Take the body of the model that is trained or tested, unless one was configured."""
        if self._body_model is None:
            self._body_model = body_model

    @property
    def body(self) -> BodyModel:
        """The body, built when the first mesh is drawn."""
        body = FreeBody() if self._body_model is None else self._body_model
        self._body_model = build_child(BODY_MODELS, body)
        return self._body_model

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
        (`vertices` and `cam_t`) are skipped; labels get theirs from their pose and shape. A camera
        whose rotation is known adds its horizon.

        Args:
            name: Name of the pictures.
            image: The full photo.
            data_sample: The person, or all people, of this photo.
            draw_gt: Draw `gt_instances`.
            draw_pred: Draw `pred_instances`.
            show: Show the first picture in a window.
            wait_time: How long the window stays, s; 0 waits for a key.
            out_file: Also write the first picture here, as PNG, and the world's beside it, under
                the same name with `_world`.
            step: Step of the log.

        Shapes: image: (H, W, 3) uint8 RGB.
        """
        samples = (
            [data_sample] if isinstance(data_sample, HMRDataSample) else list(data_sample or [])
        )
        wanted = {'labels': ('gt', draw_gt), 'predictions': ('pred', draw_pred)}
        prefixes = {title: prefix for title, (prefix, draw) in wanted.items() if draw}
        people = {
            title: self._people(samples, prefix, image.shape[:2])
            for title, prefix in prefixes.items()
        }
        pictures = [
            self._over_photo(image, found, samples, prefixes[title])
            for title, found in people.items()
        ]
        pictures = [picture for picture in pictures if picture is not None]
        drawn = np.hstack(pictures) if pictures else image
        self.set_image(drawn)
        self.add_image(name, drawn, step)
        files = {} if out_file is None else {Path(out_file): drawn}
        worlds = {title: found for title, found in people.items() if found.has_world}
        if worlds:
            world = draw_world_columns(worlds)
            self.add_image(f'{name}_world', world, step)
            if out_file is not None:
                files[Path(out_file).with_stem(f'{Path(out_file).stem}_world')] = world
        for path, picture in files.items():
            save_png(path, picture)
        if show:
            self.show(drawn, win_name=name, wait_time=wait_time)

    def _over_photo(
        self,
        image: np.ndarray,
        people: PosedPeople,
        samples: Sequence[HMRDataSample],
        prefix: str,
    ) -> np.ndarray | None:
        """The people and the horizon over their photo; None where neither is known."""
        intrinsics = _horizon_intrinsics(samples, prefix, image.shape[:2])
        if not len(people) and intrinsics is None:
            return None
        drawn = draw_overlay(image, people, max_side=self.max_side)
        if intrinsics is None:
            return drawn
        scale = np.diag([drawn.shape[1] / image.shape[1], drawn.shape[0] / image.shape[0], 1.0])
        rotmat = _number(samples[0].get(f'{prefix}_camera'), 'world2cam_rotmat')[0]
        return draw_horizon(drawn, scale @ intrinsics, rotmat)

    def _people(
        self, samples: Sequence[HMRDataSample], prefix: str, image_shape: tuple[int, int]
    ) -> PosedPeople:
        """The people whose container `{prefix}_instances` holds a mesh and its place."""
        bodies = [self._with_mesh(sample, prefix) for sample in samples]
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
        if self.body.num_vertices != vertices.shape[1]:
            raise ValueError(
                f'HMRVisualizer: meshes of {vertices.shape[1]} vertices are not those of its '
                'body_model; give the model that made them'
            )
        return PosedPeople(
            vertices,
            self.body.faces.cpu().numpy(),
            np.concatenate([_number(body, 'cam_t') for body, _ in known]),
            np.array([_focal(body, camera, diagonal) for body, camera in known]),
            np.concatenate([_number(b, 'vertices_world') for b, _ in known]) if world else None,
            np.concatenate([_pelvis(body) for body, _ in known]),
            _number(known[0][1], 'world2cam_rotmat')[0] if world else None,
        )

    def _with_mesh(self, sample: HMRDataSample, prefix: str) -> InstanceData | None:
        """A sample's container; if it has pose and shape only, with the meshes that they make."""
        instance = sample.get(f'{prefix}_instances')
        needed = ('betas', 'body_pose', 'global_orient', 'cam_t')
        if _has(instance, 'vertices') or not all(_has(instance, name) for name in needed):
            return instance
        if not (_flag(instance, 'has_smpl') and _flag(instance, 'has_cam_t')):
            return instance
        if sample.get('topology', self.body.topology) != self.body.topology:
            return instance
        device = self.body.faces.device
        shape = {name: instance.get(name).float().to(device) for name in ('betas', 'body_pose')}
        posed = self.body(global_orient=instance.global_orient.float().to(device), **shape)
        complete = InstanceData(
            vertices=posed.vertices,
            joints=self.body.joints49(posed.joints),
            cam_t=instance.cam_t,
        )
        if _has(instance, 'global_orient_world') and _flag(instance, 'has_world'):
            turned = self.body(
                global_orient=instance.global_orient_world.float().to(device), **shape
            )
            complete.vertices_world = turned.vertices
        return complete


def _has(container: InstanceData | None, field: str) -> bool:
    return container is not None and field in container


def _flag(container: InstanceData, flag: str) -> bool:
    """What the container says of its labels; True where it says nothing."""
    return flag not in container or bool(container.get(flag).all())


def _horizon_intrinsics(
    samples: Sequence[HMRDataSample], prefix: str, image_shape: tuple[int, int]
) -> np.ndarray | None:
    """Intrinsics of the photo's camera, if it and its rotation are known.

    What the user knows of it counts before what the calibrator says.
    """
    camera = samples[0].get(f'{prefix}_camera') if samples else None
    if not _has(camera, 'world2cam_rotmat') or not _flag(camera, 'has_world2cam'):
        return None
    height, width = image_shape
    known = samples[0].get('camera')
    if prefix == 'pred' and _has(known, 'focal_length'):
        focal = float(_number(known, 'focal_length').item())
        return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    if _has(camera, 'vfov'):
        focal = height / 2 / float(np.tan(_number(camera, 'vfov')[0] / 2))
        return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    if not _has(camera, 'intrinsics') or not _flag(camera, 'has_focal_length'):
        return None
    return _number(camera, 'intrinsics')[0]


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
