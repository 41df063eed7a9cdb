"""The named data sets: what they are, where to get them, and which files this library expects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

EMBEDDED = 'or run with --embedded, which needs no download (the synthetic world)'


@dataclass(frozen=True)
class DatasetInfo:
    """One named data set.

    `files` are annotation files under `data/<name>/`; `images` is the folder of the photos there.
    """

    name: str
    title: str
    paper: str
    home: str
    licence: str
    labels: str
    files: tuple[str, ...]
    images: str

    @property
    def root(self) -> str:
        """The folder that configs use."""
        return f'data/{self.name}'

    def how_to_get(self) -> str:
        """One line: where the data come from and what to run."""
        return (
            f'{self.title} ({self.licence}): get it from {self.home}, put it under {self.root} '
            'and write its labels in our format (docs/annotation_format.md)'
        )


def _catalog(*rows: DatasetInfo) -> Mapping[str, DatasetInfo]:
    return MappingProxyType({row.name: row for row in rows})


_HMR2 = 'SMPL pseudo labels of HMR 2.0 (Goel et al., ICCV 2023)'

CATALOG: Mapping[str, DatasetInfo] = _catalog(
    DatasetInfo(
        name='h36m',
        title='Human3.6M',
        paper='Ionescu et al., TPAMI 2014',
        home='http://vision.imar.ro/human3.6m',
        licence='academic use only',
        labels='2D, 3D, SMPL (MoSh), intrinsics, world2cam',
        files=('h36m_train.npz', 'h36m_test.npz'),
        images='images',
    ),
    DatasetInfo(
        name='mpii',
        title='MPII Human Pose',
        paper='Andriluka et al., CVPR 2014',
        home='http://human-pose.mpi-inf.mpg.de',
        licence='see its page',
        labels=f'2D, {_HMR2} or CLIFF',
        files=('mpii_train.npz', 'mpii_vitpose_train.npz', 'mpii_cliff_train.npz'),
        images='images',
    ),
    DatasetInfo(
        name='coco',
        title='COCO 2014/2017 keypoints',
        paper='Lin et al., ECCV 2014',
        home='https://cocodataset.org',
        licence='annotations CC BY 4.0; photos under the terms of Flickr',
        labels=f'2D, SMPL pseudo labels (EFT, CLIFF) or {_HMR2}',
        files=('coco_train.npz', 'coco_vitpose_train.npz', 'coco_cliff_train.npz'),
        images='images',
    ),
    DatasetInfo(
        name='mpi_inf_3dhp',
        title='MPI-INF-3DHP',
        paper='Mehta et al., 3DV 2017',
        home='https://vcai.mpi-inf.mpg.de/3dhp-dataset',
        licence='non-commercial research',
        labels='2D, 3D, SMPL fits',
        files=('mpi_inf_3dhp_train.npz', 'mpi_inf_3dhp_test.npz'),
        images='images',
    ),
    DatasetInfo(
        name='ava',
        title='AVA',
        paper='Gu et al., CVPR 2018',
        home='https://research.google.com/ava',
        licence='annotations CC BY 4.0; videos under their own terms',
        labels=f'2D, {_HMR2}',
        files=('ava_train.npz',),
        images='images',
    ),
    DatasetInfo(
        name='aic',
        title='AI Challenger keypoints',
        paper='Wu et al., arXiv 1711.06475',
        home='https://github.com/AIChallenger/AI_Challenger_2017',
        licence='research use; see its page',
        labels=f'2D, {_HMR2}',
        files=('aic_train.npz',),
        images='images',
    ),
    DatasetInfo(
        name='insta',
        title='InstaVariety',
        paper='Kanazawa et al., CVPR 2019',
        home='https://github.com/akanazawa/human_dynamics',
        licence='list of links; videos under their own terms',
        labels=f'2D, {_HMR2}',
        files=('insta_train.npz',),
        images='images',
    ),
    DatasetInfo(
        name='agora',
        title='AGORA',
        paper='Patel et al., CVPR 2021',
        home='https://agora.is.tue.mpg.de',
        licence='non-commercial research',
        labels='2D, 3D, SMPL, intrinsics, world2cam',
        files=('agora_train.npz', 'agora_validation.npz'),
        images='images',
    ),
    DatasetInfo(
        name='3dpw',
        title='3DPW',
        paper='von Marcard et al., ECCV 2018',
        home='https://virtualhumans.mpi-inf.mpg.de/3DPW',
        licence='non-commercial research',
        labels='2D, SMPL, intrinsics, world2cam',
        files=('3dpw_train.npz', '3dpw_validation.npz', '3dpw_test.npz'),
        images='imageFiles',
    ),
    DatasetInfo(
        name='humman',
        title='HuMMan',
        paper='Cai et al., ECCV 2022',
        home='https://caizhongang.github.io/projects/HuMMan',
        licence='non-commercial research',
        labels='2D, 3D, SMPL, intrinsics, world2cam',
        files=('humman_train.npz', 'humman_test.npz'),
        images='images',
    ),
    DatasetInfo(
        name='spec_syn',
        title='SPEC-SYN',
        paper='Kocabas et al., ICCV 2021',
        home='https://spec.is.tue.mpg.de',
        licence='non-commercial research',
        labels='2D, 3D, SMPL, intrinsics, world2cam',
        files=('spec_syn_train.npz', 'spec_syn_test.npz'),
        images='images',
    ),
    DatasetInfo(
        name='spec_mtp',
        title='SPEC-MTP',
        paper='Kocabas et al., ICCV 2021',
        home='https://spec.is.tue.mpg.de',
        licence='non-commercial research',
        labels='2D, 3D, SMPL, intrinsics, world2cam',
        files=('spec_mtp_test.npz',),
        images='images',
    ),
    DatasetInfo(
        name='lsp',
        title='Leeds Sports Pose',
        paper='Johnson and Everingham, BMVC 2010',
        home='http://sam.johnson.io/research/lsp.html',
        licence='see its page',
        labels='2D, SMPL pseudo labels (EFT)',
        files=('lsp_train.npz',),
        images='images',
    ),
    DatasetInfo(
        name='lspet',
        title='Leeds Sports Pose Extended',
        paper='Johnson and Everingham, CVPR 2011',
        home='http://sam.johnson.io/research/lspet.html',
        licence='see its page',
        labels='2D, SMPL pseudo labels (EFT)',
        files=('lspet_train.npz',),
        images='images',
    ),
)


def find_info(ann_file: str) -> DatasetInfo | None:
    """The catalogued set that an annotation file belongs to, told by a folder's name in its path.

    Args:
        ann_file: Path of the file.

    Shapes: none.
    """
    for part in reversed(Path(ann_file).parent.parts):
        if part in CATALOG:
            return CATALOG[part]
    return None


def missing_file_message(ann_file: str) -> str:
    """What to tell a user whose annotation file is not there.

    Args:
        ann_file: Path of the file.

    Shapes: none.
    """
    if not ann_file:
        return f"no annotation file was given; set ann_file in the data set's config, {EMBEDDED}"
    return f'no annotation file {ann_file}; {_advice(ann_file)}, {EMBEDDED}'


def check_available(datasets: Sequence[Mapping[str, Any]]) -> list[str]:
    """The annotation files of data set configs that are not there.

    Args:
        datasets: Configs; wrappers (`datasets=[...]`, `dataset=...`) are searched.

    Returns:
        The missing files, each once.

    Shapes: none.
    """
    missing: list[str] = []
    for config in datasets:
        if not isinstance(config, Mapping):
            continue
        inner = list(config.get('datasets') or ())
        if config.get('dataset') is not None:
            inner.append(config['dataset'])
        missing += check_available(inner)
        if config.get('ann_file'):
            path = Path(config.get('data_root') or '') / config['ann_file']
            if not path.is_file():
                missing.append(str(path))
    return list(dict.fromkeys(missing))


def require_available(datasets: Sequence[Mapping[str, Any]]) -> None:
    """Raise one error that lists everything that is missing.

    Args:
        datasets: Configs, as for `check_available`.

    Raises:
        FileNotFoundError: Some annotation files are not there; one line for each says what to do.

    Shapes: none.
    """
    missing = check_available(datasets)
    if missing:
        lines = ''.join(f'\n  {path}: {_advice(path)}' for path in missing)
        raise FileNotFoundError(
            f'{len(missing)} annotation file(s) are missing:{lines}\n{EMBEDDED}'
        )


def _advice(ann_file: str) -> str:
    info = find_info(ann_file)
    if info is not None:
        return info.how_to_get()
    return (
        'check ann_file and data_root, or write it with whmr.datasets.save_annotations '
        '(docs/annotation_format.md)'
    )
