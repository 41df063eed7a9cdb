"""Pose correctives: what linear skinning with 24 joints lacks against the source rig.

The source rig (its own bones, weights and twist bones) is posed at random; the difference to plain
linear skinning, taken back to the rest pose, is fitted by ridge regression on the rotations.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from free_body.skeleton import ID, MIRROR, NAMES, PARENTS, SIDES
from free_body.source import Rig
from free_body.surface import Surface
from free_body.tpose import TPose, skin_linear

NUM_FEATURES = 9 * (len(NAMES) - 1)
LEARN_SHARE = 0.8  # of the poses; the others measure the fit
NEAR_WEIGHT = 0.02  # a vertex listens to joints with more weight than this, and their neighbours
LEAST_ENTRY = 2e-5  # m
# (bone, joint whose rotation it shares, share of it), for the trunk
TRUNK_SHARES = (('spine04', 'spine1', 0.35), ('neck01', 'neck', 0.35), ('neck02', 'neck', 0.7))
# (bone, joint that moves it, joint at its end, joint whose twist it shares, share)
LIMB_TWISTS = (
    ('upperarm01', 'shoulder', 'elbow', 'shoulder', -0.65),
    ('upperleg01', 'hip', 'knee', 'hip', -0.65),
    ('lowerarm01', 'elbow', 'wrist', 'wrist', 0.2),
    ('lowerarm02', 'elbow', 'wrist', 'wrist', 0.6),
    ('lowerleg02', 'knee', 'ankle', 'ankle', 0.4),
)


class SourcePoser:
    """Pose the source rig, in its own rest shape and with all its bones, by our 24 joints.

    Args:
        rig: The source rig.
        tpose: The mean adult's T-pose.
        rest: The surface in the source's rest pose, (V, 3) m.
        weights: Its weights over the source's bones, (V, K).
    """

    def __init__(self, rig: Rig, tpose: TPose, rest: np.ndarray, weights: np.ndarray) -> None:
        self.rig, self.tpose, self.rest, self.weights = rig, tpose, rest, weights

    def __call__(self, local: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Posed surface (V, 3), global joint rotations (24, 3, 3) and joints (24, 3) of a pose."""
        rig, joints = self.rig, self.tpose.joints
        turned, posed = forward_kinematics(local, joints)
        bones = turned[rig.joint].copy()
        pivot_rest, pivot_posed = joints[rig.joint].copy(), posed[rig.joint].copy()
        for bone, joint, share in TRUNK_SHARES:
            k, j = rig.index[bone], ID[joint]
            part = Rotation.from_matrix(local[j]).as_rotvec() * share
            bones[k] = turned[PARENTS[j]] @ Rotation.from_rotvec(part).as_matrix()
            pivot_rest[k], pivot_posed[k] = joints[j], posed[j]
        for side, left, _ in SIDES:
            for bone, moved, end, twister, share in LIMB_TWISTS:
                j = ID[left + moved]
                axis = joints[ID[left + end]] - joints[j]
                axis /= np.linalg.norm(axis)
                twist = _twist(local[ID[left + twister]], axis, share)
                bones[rig.index[f'{bone}.{side}']] = turned[j] @ twist
        # to the T-pose first, then about the posed pivot
        rotations = bones @ self.tpose.bone_rotations
        shifts = np.einsum('bij,bj->bi', bones, self.tpose.bone_shifts - pivot_rest) + pivot_posed
        return skin_linear(self.rest, self.weights, rotations, shifts), turned, posed


def forward_kinematics(local: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Global rotations (24, 3, 3) and joint positions (24, 3) of a pose."""
    turned, posed = local.copy(), joints.copy()
    for i in range(1, len(PARENTS)):
        parent = PARENTS[i]
        turned[i] = turned[parent] @ local[i]
        posed[i] = posed[parent] + turned[parent] @ (joints[i] - joints[parent])
    return turned, posed


def random_pose(rng: np.random.Generator) -> np.ndarray:
    """Local rotations (24, 3, 3) of a random but human pose; the pelvis is not turned."""
    degrees = np.zeros((len(NAMES), 3))

    def normal(*scale: float) -> np.ndarray:
        return rng.normal(0, 1, 3) * np.array(scale)

    for name in ('spine1', 'spine2', 'spine3'):
        degrees[ID[name]] = normal(12, 8, 8)
    degrees[ID['neck']], degrees[ID['head']] = normal(12, 15, 8), normal(12, 15, 8)
    for _, left, sign in SIDES:
        hip = [rng.uniform(-110, 25), rng.normal(0, 18), sign * rng.normal(8, 18)]
        degrees[ID[f'{left}hip']] = hip
        degrees[ID[f'{left}knee']] = [rng.uniform(0, 130), rng.normal(0, 4), rng.normal(0, 4)]
        degrees[ID[f'{left}ankle']] = normal(18, 10, 8)
        degrees[ID[f'{left}foot']] = [rng.normal(-8, 12), 0, 0]
        degrees[ID[f'{left}collar']] = normal(3, 8, 8)
        raised = [rng.normal(0, 30), sign * rng.normal(-15, 35), sign * rng.normal(-35, 38)]
        degrees[ID[f'{left}shoulder']] = raised
        bent = [rng.normal(0, 25), -sign * rng.uniform(0, 135), rng.normal(0, 6)]
        degrees[ID[f'{left}elbow']] = bent
        degrees[ID[f'{left}wrist']] = normal(25, 20, 25)
        degrees[ID[f'{left}hand']] = normal(4, 4, 20)
    return Rotation.from_rotvec(np.radians(degrees)).as_matrix()


def fit_posedirs(
    poser: SourcePoser,
    surface: Surface,
    template: np.ndarray,
    weights: np.ndarray,
    *,
    poses: int,
    ridge: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, tuple[float, float]]:
    """Fit the correctives of our linear skinning.

    Args:
        poser: The source rig.
        surface: The surface.
        template: The surface in T-pose, as the rig makes it, (V, 3) m.
        weights: Our skinning weights, (V, 24).
        poses: Random poses to draw.
        ridge: Strength of the regularisation.
        rng: Random numbers.

    Returns:
        Correctives (V, 3, 207), mirror-symmetric, and the mean length in m of the held-out
        corrections before and after the fit.
    """
    features, offsets = [], []
    for _ in range(poses):
        local = random_pose(rng)
        local[0] = np.eye(3)
        target, turned, posed = poser(local)
        blended = np.einsum('vj,jab->vab', weights, turned)
        shift = weights @ (posed - np.einsum('jab,jb->ja', turned, poser.tpose.joints))
        unposed = np.linalg.solve(blended, (target - shift)[..., None])[..., 0]
        offsets.append(unposed - template)
        features.append((local[1:] - np.eye(3)).ravel())
    features, offsets = np.array(features), np.array(offsets)
    learn = int(poses * LEARN_SHARE)
    posedirs = _ridge(features[:learn], offsets[:learn], weights, ridge)
    rest = offsets[learn:] - np.einsum('nf,vcf->nvc', features[learn:], posedirs)
    errors = tuple(float(np.linalg.norm(x, axis=-1).mean()) for x in (offsets[learn:], rest))
    posedirs = _symmetric(posedirs, surface.mirror)
    posedirs[np.abs(posedirs) < LEAST_ENTRY] = 0
    return posedirs, errors


def _ridge(
    features: np.ndarray, offsets: np.ndarray, weights: np.ndarray, ridge: float
) -> np.ndarray:
    """One regression per group of vertices that listen to the same joints, (V, 3, 207)."""
    near = weights > NEAR_WEIGHT
    reach = near.copy()
    for i in range(1, len(PARENTS)):
        reach[:, i] |= near[:, PARENTS[i]]
        reach[:, PARENTS[i]] |= near[:, i]
    posedirs = np.zeros((len(weights), 3, NUM_FEATURES))
    for key in np.unique(reach[:, 1:], axis=0):
        rows = np.flatnonzero((reach[:, 1:] == key).all(axis=1))
        columns = np.flatnonzero(np.repeat(key, 9))
        x, y = features[:, columns], offsets[:, rows].reshape(len(features), -1)
        damping = ridge * len(features) * (x**2).mean() * np.eye(len(columns))
        solution = np.linalg.solve(x.T @ x + damping, x.T @ y).T.reshape(len(rows), 3, -1)
        posedirs[np.ix_(rows, np.arange(3), columns)] = solution
    return posedirs


def _symmetric(posedirs: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Average with the mirror image: vertices and joints swapped, x negated."""
    sign = np.array([-1, 1, 1.0])
    other = posedirs.reshape(len(posedirs), 3, len(NAMES) - 1, 3, 3)[mirror][:, :, MIRROR[1:] - 1]
    other = other * sign[:, None, None, None] * (sign[:, None] * sign)
    return (posedirs + other.reshape(posedirs.shape)) / 2


def _twist(rotation: np.ndarray, axis: np.ndarray, share: float) -> np.ndarray:
    """A share of a rotation's turn about an axis."""
    quaternion = Rotation.from_matrix(rotation).as_quat()
    along, real = quaternion[:3] @ axis, quaternion[3]
    length = np.hypot(along, real)
    if length < 1e-8:
        return np.eye(3)
    angle = 2 * np.arctan2(along / length, real / length)
    return Rotation.from_rotvec(axis * share * angle).as_matrix()
