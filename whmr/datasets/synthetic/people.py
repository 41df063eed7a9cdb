"""The people of a scene: shape, pose, clothes, and where each stands."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from whmr.body_models import FreeBody
from whmr.datasets.synthetic.clothing import Wardrobe
from whmr.datasets.synthetic.motion import turn_about
from whmr.datasets.synthetic.poses import PoseSampler
from whmr.datasets.synthetic.surface_atlas import SurfaceAtlas

# From a y-up world in which the body faces +z to the library's y-down world: facing the camera.
Y_DOWN = np.diag([1.0, -1.0, -1.0])
MAX_BETA = 2.2
# Every n-th vertex: enough to find out whether two bodies touch.
COARSE = 12


@dataclass(frozen=True)
class Person:
    """One person. Vertices and joints are about the pelvis joint, in world axes.

    Shapes: V vertices; m, rad.
        betas: (10,).  global_orient_world: (3, 3).  body_pose: (23, 3, 3).
        rest_pelvis: (3,) the body model's own pelvis for these betas.
        vertices: (V, 3).  joints: (49, 3), set `spin49`.  clearance: height above the ground.
        texture: (h, w, 3) uint8.  position: (3,) pelvis in the world.
    """

    betas: np.ndarray
    global_orient_world: np.ndarray
    body_pose: np.ndarray
    rest_pelvis: np.ndarray
    vertices: np.ndarray
    joints: np.ndarray
    clearance: float
    texture: np.ndarray
    position: np.ndarray

    @property
    def lowest(self) -> float:
        """How far the ground lies below the pelvis, m."""
        return float(self.vertices[:, 1].max()) + self.clearance

    @property
    def world_vertices(self) -> np.ndarray:
        """(V, 3) m, world."""
        return self.vertices + self.position

    def turned(self, yaw: float) -> 'Person':
        """The same person turned about the vertical, rad."""
        turn = turn_about(np.array([0.0, 1.0, 0.0]), yaw)
        return replace(
            self,
            global_orient_world=turn @ self.global_orient_world,
            vertices=self.vertices @ turn.T,
            joints=self.joints @ turn.T,
        )

    def at(self, position: np.ndarray) -> 'Person':
        """The same person with the pelvis at a point of the world, m."""
        return replace(self, position=position)

    def touches(self, other: 'Person', gap: float = 0.12) -> bool:
        """Whether the two come nearer than `gap` (m) to each other."""
        if np.linalg.norm(self.position - other.position) > 2.6:
            return False
        mine, theirs = self.world_vertices[::COARSE], other.world_vertices[::COARSE]
        square = (mine**2).sum(1)[:, None] + (theirs**2).sum(1) - 2 * mine @ theirs.T
        return bool(square.min() < gap**2)


class PeopleSampler:
    """Draws people with the bundled body.

    Args:
        clips: Motion clips by name.
        weights: How often each is drawn.
        clip_share: Share of the poses that come from a clip.
        mixing: Chance of each limb of these to come from another frame (`PoseSampler`).

    Shapes: T frames.
        clips: (T, 41) each.
    """

    def __init__(
        self,
        clips: dict[str, np.ndarray],
        weights: dict[str, float],
        *,
        clip_share: float,
        mixing: float,
    ) -> None:
        self.body = FreeBody()
        self.faces = self.body.faces.numpy().astype(np.int32)
        rest = self.body(torch.zeros(1, 10), torch.zeros(1, 3), torch.zeros(1, 69))
        joints = rest.joints[0].numpy().astype(np.float64)
        self.atlas = SurfaceAtlas(self.body, rest.vertices[0].numpy())
        self._wardrobe = Wardrobe(self.atlas, joints)
        self._pose = PoseSampler(
            clips,
            weights,
            rest_joints=joints[:24],
            parents=self.body.parents.numpy(),
            clip_share=clip_share,
            mixing=mixing,
        )

    def __call__(self, number: int, rng: np.random.Generator) -> list[Person]:
        """Draw people; all stand at the world's origin, as their clip turned them.

        Shapes: as in `Person`.
        """
        poses = [self._pose(rng) for _ in range(number)]
        betas = np.clip(rng.normal(0, 1, (number, 10)), -MAX_BETA, MAX_BETA).astype(np.float32)
        orient = np.stack([Y_DOWN @ pose.global_orient for pose in poses])
        body_pose = np.stack([pose.body_pose for pose in poses])
        with torch.no_grad():
            output = self.body(
                torch.from_numpy(betas),
                torch.from_numpy(orient[:, None]).float(),
                torch.from_numpy(body_pose).float(),
            )
            joints = self.body.joints49(output.joints).numpy().astype(np.float64)
        vertices = output.vertices.numpy().astype(np.float64)
        pelvis = output.joints[:, 0].numpy().astype(np.float64)
        return [
            Person(
                betas=betas[i],
                global_orient_world=orient[i],
                body_pose=body_pose[i],
                rest_pelvis=pelvis[i],
                vertices=vertices[i] - pelvis[i],
                joints=joints[i] - pelvis[i],
                clearance=pose.clearance,
                texture=self._wardrobe(rng),
                position=np.zeros(3),
            )
            for i, pose in enumerate(poses)
        ]
