"""The named data sets: what they are, where to get them, and which files this library expects."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from whmr.fileio import file_exists

EMBEDDED = 'or run with --embedded, which needs no download (the synthetic world)'


@dataclass(frozen=True)
class AnnotationFile:
    """One annotation file of a data set, and how it is made.

    `converter` is a script of `tools/dataset_converters/` (without its ending), `options` what it
    is given after the two folders; `labels` says what the file holds; `images` is the folder of its
    photos where that is not the data set's own; `source` is where its labels come from where that
    is not the data set's own page.
    """

    name: str
    converter: str
    labels: str
    options: str = ''
    images: str = ''
    source: str = ''


@dataclass(frozen=True)
class DatasetInfo:
    """One named data set.

    `files` are annotation files under `data/<name>/`; `images` is the folder of the photos there;
    `section` is where the paper speaks of the set; `joint_set` is that of its own 2D labels.
    """

    name: str
    title: str
    citation: str
    section: str
    home: str
    licence: str
    splits: tuple[str, ...]
    joint_set: str
    files: tuple[AnnotationFile, ...]
    images: str = 'images'

    @property
    def root(self) -> str:
        """The folder that configs use."""
        return f'data/{self.name}'

    def command(self, file: AnnotationFile) -> str:
        """The command that writes an annotation file; `DOWNLOADS` is where the set was unpacked.

        Args:
            file: One of `files`.
        """
        script = f'tools/dataset_converters/{file.converter}.py'
        options = f' {file.options}' if file.options else ''
        return f'python {script} DOWNLOADS/{self.name} {self.root}{options}'

    def how_to_get(self, file_name: str = '') -> str:
        """One line: where the data come from and what to run.

        Args:
            file_name: The annotation file that is wanted; a name that is not in `files` gives the
                command of the first.
        """
        file = next((file for file in self.files if file.name == file_name), self.files[0])
        labels = f', the labels from {file.source}' if file.source else ''
        return (
            f'{self.title} ({self.licence}): get it from {self.home}{labels} and run '
            f'`{self.command(file)}` (docs/data.md)'
        )


def _catalog(*rows: DatasetInfo) -> Mapping[str, DatasetInfo]:
    return MappingProxyType({row.name: row for row in rows})


_HMR2 = '2D, SMPL pseudo labels of HMR 2.0 (Goel et al., ICCV 2023)'
_CLIFF = '2D, SMPL pseudo labels of CLIFF (Li et al., ECCV 2022)'
_EFT = '2D, SMPL pseudo labels of EFT (Joo et al., 3DV 2021)'
_PRUNED = '2D, SMPL pseudo labels, pruned as in HMR 2.0 (Goel et al., ICCV 2023)'
_HMR2_PAGE = 'https://github.com/shubham-goel/4D-Humans'
_CLIFF_PAGE = 'https://github.com/huawei-noah/noah-research/tree/master/CLIFF'
_EFT_PAGE = 'https://github.com/facebookresearch/eft'
_TRAINING = 'Sec. 4.1, appendix'
_BOTH = 'Sec. 4.1, 4.3, appendix'


def _hmr2(name: str, variant: str, labels: str) -> AnnotationFile:
    """A file made from the training tars of 4D-Humans, beside a set's own photos."""
    return AnnotationFile(
        name=f'{name}_{variant}_train.npz',
        converter='hmr2_shards',
        labels=labels,
        options=f'--dataset {name} --variant {variant}',
        images=f'images_{variant}',
        source=_HMR2_PAGE,
    )


CATALOG: Mapping[str, DatasetInfo] = _catalog(
    DatasetInfo(
        name='h36m',
        title='Human3.6M',
        citation='Ionescu et al., Human3.6M, TPAMI 2014',
        section=_BOTH,
        home='http://vision.imar.ro/human3.6m',
        licence='academic use only',
        splits=('train', 'test', 'test_p2'),
        joint_set='h36m17',
        files=(
            AnnotationFile(
                'h36m_train.npz',
                'h36m',
                '2D, 3D, intrinsics, world2cam (SMPL: spin_npz.py with a MoSh label file)',
            ),
            AnnotationFile(
                'h36m_test.npz', 'h36m', '2D, 3D, intrinsics, world2cam', '--splits test'
            ),
        ),
    ),
    DatasetInfo(
        name='3dpw',
        title='3DPW',
        citation='von Marcard et al., Recovering Accurate 3D Human Pose in The Wild, ECCV 2018',
        section=_BOTH,
        home='https://virtualhumans.mpi-inf.mpg.de/3DPW',
        licence='non-commercial research',
        splits=('train', 'validation', 'test'),
        joint_set='smpl24',
        files=tuple(
            AnnotationFile(
                f'3dpw_{split}.npz',
                '3dpw',
                '2D, 3D, SMPL (male, female), intrinsics, world2cam',
                f'--splits {split}',
            )
            for split in ('train', 'validation', 'test')
        ),
        images='imageFiles',
    ),
    DatasetInfo(
        name='mpi_inf_3dhp',
        title='MPI-INF-3DHP',
        citation='Mehta et al., Monocular 3D Human Pose Estimation In The Wild, 3DV 2017',
        section=_BOTH,
        home='https://vcai.mpi-inf.mpg.de/3dhp-dataset',
        licence='non-commercial research',
        splits=('train', 'test'),
        joint_set='spin24',
        files=(
            AnnotationFile(
                'mpi_inf_3dhp_train.npz', 'mpi_inf_3dhp', '2D, 3D, intrinsics, world2cam'
            ),
            AnnotationFile(
                'mpi_inf_3dhp_test.npz', 'mpi_inf_3dhp', '2D, 3D, intrinsics', '--splits test'
            ),
            _hmr2('mpi_inf_3dhp', 'pruned', _PRUNED),
        ),
    ),
    DatasetInfo(
        name='mpii',
        title='MPII Human Pose',
        citation='Andriluka et al., 2D Human Pose Estimation, CVPR 2014',
        section=_TRAINING,
        home='http://human-pose.mpi-inf.mpg.de',
        licence='see its page',
        splits=('train',),
        joint_set='spin24',
        files=(
            AnnotationFile('mpii_train.npz', 'mpii', '2D'),
            _hmr2('mpii', 'vitpose', _HMR2),
            AnnotationFile(
                'mpii_cliff_train.npz',
                'cliff',
                _CLIFF,
                '--dataset mpii --labels mpii_cliffGT.npz',
                source=_CLIFF_PAGE,
            ),
        ),
    ),
    DatasetInfo(
        name='coco',
        title='COCO 2014/2017 keypoints',
        citation='Lin et al., Microsoft COCO, ECCV 2014',
        section=_TRAINING,
        home='https://cocodataset.org',
        licence='annotations CC BY 4.0; photos under the terms of Flickr',
        splits=('train', 'validation'),
        joint_set='coco17',
        files=(
            AnnotationFile('coco_train.npz', 'coco', '2D'),
            _hmr2('coco', 'vitpose', _HMR2),
            _hmr2('coco', 'pruned', _PRUNED),
            AnnotationFile(
                'coco_cliff_train.npz',
                'cliff',
                _CLIFF,
                '--labels coco2014part_cliffGT.npz',
                source=_CLIFF_PAGE,
            ),
            AnnotationFile(
                'coco_eft_train.npz',
                'eft',
                _EFT,
                '--labels COCO2014-All-ver01.json',
                source=_EFT_PAGE,
            ),
        ),
    ),
    DatasetInfo(
        name='ava',
        title='AVA',
        citation='Gu et al., AVA: A Video Dataset of Atomic Visual Actions, CVPR 2018',
        section='appendix',
        home='https://research.google.com/ava',
        licence='annotations CC BY 4.0; videos under their own terms',
        splits=('train',),
        joint_set='spin49',
        files=(AnnotationFile('ava_train.npz', 'hmr2_shards', _HMR2, source=_HMR2_PAGE),),
    ),
    DatasetInfo(
        name='aic',
        title='AI Challenger keypoints',
        citation='Wu et al., AI Challenger, arXiv 1711.06475',
        section='appendix',
        home='https://github.com/AIChallenger/AI_Challenger_2017',
        licence='research use; see its page',
        splits=('train', 'validation'),
        joint_set='lsp14',
        files=(
            AnnotationFile('aic_train.npz', 'aic', '2D'),
            _hmr2('aic', 'vitpose', _HMR2),
        ),
    ),
    DatasetInfo(
        name='insta',
        title='InstaVariety',
        citation='Kanazawa et al., Learning 3D Human Dynamics from Video, CVPR 2019',
        section='appendix',
        home='https://github.com/akanazawa/human_dynamics',
        licence='list of links; videos under their own terms',
        splits=('train',),
        joint_set='spin49',
        files=(
            AnnotationFile(
                'insta_train.npz', 'hmr2_shards', _HMR2, '--dataset insta', source=_HMR2_PAGE
            ),
        ),
    ),
    DatasetInfo(
        name='agora',
        title='AGORA',
        citation='Patel et al., AGORA: Avatars in Geography, CVPR 2021',
        section=_BOTH,
        home='https://agora.is.tue.mpg.de',
        licence='non-commercial research',
        splits=('train', 'validation'),
        joint_set='smpl45',
        files=tuple(
            AnnotationFile(
                f'agora_{split}.npz',
                'agora',
                '2D, 3D, SMPL, intrinsics, world2cam',
                f'--splits {split}',
            )
            for split in ('train', 'validation')
        ),
    ),
    DatasetInfo(
        name='spec_syn',
        title='SPEC-SYN',
        citation='Kocabas et al., SPEC: Seeing People in the Wild, ICCV 2021',
        section='Sec. 4.1, 4.4, appendix',
        home='https://spec.is.tue.mpg.de',
        licence='non-commercial research',
        splits=('train', 'test'),
        joint_set='spin24',
        files=tuple(
            AnnotationFile(
                f'spec_syn_{split}.npz',
                'spec',
                '2D, SMPL, intrinsics, world2cam',
                f'--labels spec-syn_{split}.npz --splits {split}',
            )
            for split in ('train', 'test')
        ),
    ),
    DatasetInfo(
        name='spec_mtp',
        title='SPEC-MTP',
        citation='Kocabas et al., SPEC: Seeing People in the Wild, ICCV 2021',
        section='Sec. 4.3, appendix',
        home='https://spec.is.tue.mpg.de',
        licence='non-commercial research',
        splits=('test',),
        joint_set='spin24',
        files=(
            AnnotationFile(
                'spec_mtp_test.npz',
                'spec',
                '2D, SMPL, intrinsics, world2cam',
                '--dataset spec_mtp --labels spec-mtp_test.npz --splits test',
            ),
        ),
    ),
    DatasetInfo(
        name='humman',
        title='HuMMan',
        citation='Cai et al., HuMMan: Multi-modal 4D Human Dataset, ECCV 2022',
        section=_BOTH,
        home='https://caizhongang.github.io/projects/HuMMan',
        licence='non-commercial research',
        splits=('train', 'test'),
        joint_set='smpl45',
        files=tuple(
            AnnotationFile(
                f'humman_{split}.npz',
                'humman',
                '2D, 3D, SMPL, intrinsics; world2cam with --up',
                f'--splits {split}',
            )
            for split in ('train', 'test')
        ),
    ),
    DatasetInfo(
        name='lsp',
        title='Leeds Sports Pose',
        citation='Johnson and Everingham, Clustered Pose, BMVC 2010',
        section="not in the paper; mixture A of the authors' release",
        home='http://sam.johnson.io/research/lsp.html',
        licence='see its page',
        splits=('train', 'test'),
        joint_set='lsp14',
        files=(AnnotationFile('lsp_train.npz', 'lsp', '2D'),),
    ),
    DatasetInfo(
        name='lspet',
        title='Leeds Sports Pose Extended',
        citation='Johnson and Everingham, Learning Effective Human Pose Estimation, CVPR 2011',
        section="not in the paper; mixture A of the authors' release",
        home='http://sam.johnson.io/research/lspet.html',
        licence='see its page',
        splits=('train',),
        joint_set='lsp14',
        files=(
            AnnotationFile('lspet_train.npz', 'lspet', '2D'),
            AnnotationFile(
                'lspet_eft_train.npz',
                'eft',
                _EFT,
                '--dataset lspet --labels LSPet_ver01.json',
                source=_EFT_PAGE,
            ),
        ),
    ),
    DatasetInfo(
        name='bedlam',
        title='BEDLAM',
        citation='Black et al., BEDLAM, CVPR 2023',
        section='not in the paper',
        home='https://bedlam.is.tue.mpg.de',
        licence='non-commercial research',
        splits=('train',),
        joint_set='smpl24',
        files=(
            AnnotationFile(
                'bedlam_train.npz',
                'bedlam',
                '2D, SMPL, intrinsics, world2cam',
                '--labels SCENE_6fps.npz',
            ),
        ),
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
            path = os.path.join(config.get('data_root') or '', config['ann_file'])
            if not file_exists(path):
                missing.append(path)
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
        return info.how_to_get(Path(ann_file).name)
    return (
        'check ann_file and data_root, or write it with whmr.datasets.save_annotations '
        '(docs/annotation_format.md)'
    )
