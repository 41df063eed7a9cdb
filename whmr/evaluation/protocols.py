"""The evaluation protocols of the paper and its baselines, as a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

ALIGNMENTS = ('pelvis', 'similarity', 'none')


@dataclass(frozen=True)
class ProtocolColumn:
    """One column of a protocol's table.

    `error` is the name under which the metric of the protocol's frame measures it; `alignment` is
    what is removed before: `pelvis` (position), `similarity` (Procrustes: position, rotation,
    scale) or `none`. With `only`, samples whose `img_path` lacks this text are left out.
    """

    name: str
    error: str
    alignment: str
    only: str = ''


@dataclass(frozen=True)
class Protocol:
    """How one benchmark is evaluated.

    `frame` is `camera` or `world`; `target` is `vertices` (joints of the labelled mesh) or
    `keypoints_3d` (annotated joints), as in `CameraSpaceMetric`; `gendered`: the labelled meshes
    must be those of the person's gender; `source` says where the rule comes from.
    """

    name: str
    title: str
    frame: str
    joint_set: str
    columns: tuple[ProtocolColumn, ...]
    source: str
    target: str = 'vertices'
    gendered: bool = False

    @property
    def ground_truth(self) -> str:
        """What predictions are compared with."""
        if self.target == 'keypoints_3d':
            return 'annotated joints'
        return 'mesh of the labelled gender' if self.gendered else 'mesh as labelled'

    @property
    def joints(self) -> str:
        """The joint set, and how predicted joints come about."""
        how = 'of the body model' if self.joint_set == 'smpl24' else 'by the H36M regressor'
        return f'{self.joint_set} {how}'

    @property
    def alignment(self) -> str:
        """The alignment of each column."""
        return ', '.join(f'{column.name} {column.alignment}' for column in self.columns)


def _mesh_columns(prefix: str = '') -> tuple[ProtocolColumn, ...]:
    """Joints and vertices with and without the pelvis aligned."""
    return (
        ProtocolColumn(f'{prefix}MPJPE', f'{prefix}MPJPE', 'pelvis'),
        ProtocolColumn(f'{prefix}MPJPE (un-aligned)', f'{prefix}MPJPE (un-aligned)', 'none'),
        ProtocolColumn('PA-MPJPE', 'PA-MPJPE', 'similarity'),
        ProtocolColumn(f'{prefix}PVE', f'{prefix}PVE', 'none'),
        ProtocolColumn(f'{prefix}PVE (pelvis)', f'{prefix}PVE (pelvis)', 'pelvis'),
    )


_JOINT_COLUMNS = (
    ProtocolColumn('MPJPE', 'MPJPE', 'pelvis'),
    ProtocolColumn('PA-MPJPE', 'PA-MPJPE', 'similarity'),
)
_CAMERA_COLUMNS = tuple(
    ProtocolColumn(name, name, 'none')
    for name in (
        'up-vector error (deg)',
        'orientation error (deg)',
        'camera rotation error (deg)',
    )
)
_SPEC = 'W-HMR Sec. 4.2; SPEC (Kocabas et al., ICCV 2021)'


def _table(*rows: Protocol) -> Mapping[str, Protocol]:
    return MappingProxyType({row.name: row for row in rows})


PROTOCOLS: Mapping[str, Protocol] = _table(
    Protocol(
        name='3dpw',
        title='3DPW test',
        frame='camera',
        joint_set='j14',
        columns=(
            *_JOINT_COLUMNS,
            ProtocolColumn('PVE', 'PVE', 'none'),
            ProtocolColumn('PVE (pelvis)', 'PVE (pelvis)', 'pelvis'),
        ),
        gendered=True,
        source='W-HMR Sec. 4.2, after SPIN (Kolotouros et al., ICCV 2019)',
    ),
    Protocol(
        name='h36m',
        title='Human3.6M S9, S11; P1: all cameras, P2: the frontal camera 60457274',
        frame='camera',
        joint_set='j14',
        columns=(
            ProtocolColumn('MPJPE (P1)', 'MPJPE', 'pelvis'),
            ProtocolColumn('PA-MPJPE (P1)', 'PA-MPJPE', 'similarity'),
            ProtocolColumn('MPJPE (P2)', 'MPJPE', 'pelvis', only='60457274'),
            ProtocolColumn('PA-MPJPE (P2)', 'PA-MPJPE', 'similarity', only='60457274'),
        ),
        target='keypoints_3d',
        source='HMR (Kanazawa et al., CVPR 2018), protocols 1 and 2',
    ),
    Protocol(
        name='mpi_inf_3dhp',
        title='MPI-INF-3DHP test',
        frame='camera',
        joint_set='j17',
        columns=_JOINT_COLUMNS,
        target='keypoints_3d',
        source='W-HMR Sec. 4.2: 17 joints, after SPIN (Kolotouros et al., ICCV 2019)',
    ),
    Protocol(
        name='humman',
        title='HuMMan test',
        frame='camera',
        joint_set='j14',
        columns=_mesh_columns(),
        source='W-HMR Sec. 4.2: 14 joints, PVE un-aligned',
    ),
    *(
        Protocol(
            name=f'{name}_camera',
            title=f'{title}, camera space',
            frame='camera',
            joint_set='j14',
            columns=_mesh_columns(),
            source='W-HMR Sec. 4.2: 14 joints, PVE un-aligned',
        )
        for name, title in (('spec_mtp', 'SPEC-MTP'), ('spec_syn', 'SPEC-SYN test'))
    ),
    *(
        Protocol(
            name=f'{name}_world',
            title=f'{title}, world space',
            frame='world',
            joint_set='smpl24',
            columns=(*_mesh_columns('W-'), *_CAMERA_COLUMNS),
            source=f'{_SPEC}: 24 joints; W-PVE un-aligned in the paper, pelvis-aligned in SPEC',
        )
        for name, title in (('spec_mtp', 'SPEC-MTP'), ('spec_syn', 'SPEC-SYN test'))
    ),
)
