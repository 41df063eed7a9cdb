"""`--embedded` replaces what must be downloaded; without it, everything missing is listed."""

import copy
from pathlib import Path

import pytest
from mmengine import Config

from whmr.engine import MissingFilesError, find_missing, require_files, use_embedded
from whmr.engine.embedded import MAX_BATCH_SIZE, MAX_ITERS, NUM_IMAGES, banner

PIPELINE = [dict(type='LoadImage'), dict(type='PackHMRInputs')]
TEST_PIPELINE = [dict(type='LoadImage'), dict(type='GetBox'), dict(type='PackHMRInputs')]
SMPL = dict(type='SMPL', model_path='data/body_models/smpl', gender='neutral')


def real_config() -> Config:
    """A config in the manner of the real ones: SMPL, a mixture, an earlier stage."""

    def people(name: str, **more: object) -> dict:
        return dict(
            type='HMRDataset', data_root=f'data/{name}', ann_file=f'{name}_train.npz', **more
        )

    return Config(
        dict(
            body_model=dict(SMPL),
            model=dict(
                type='WorldHMR',
                init_cfg=[
                    dict(type='StrictPretrained', checkpoint='work_dirs/whmr_r50_stage2'),
                    dict(type='Normal', layer='Linear'),
                ],
                body_model=dict(SMPL),
                data_preprocessor=dict(type='P', body_model=dict(SMPL)),
                backbone=dict(
                    type='TimmBackbone',
                    init_cfg=dict(type='StrictPretrained', checkpoint='data/pretrained/r50.pth'),
                ),
                neck=dict(type='Neck', init_cfg=dict(type='Normal', layer='Conv2d')),
            ),
            train_dataloader=dict(
                batch_size=64,
                num_workers=8,
                dataset=dict(
                    type='MixtureDataset',
                    probabilities=[0.5, 0.5],
                    datasets=[
                        people('h36m', pipeline=PIPELINE),
                        people('coco', pipeline=PIPELINE),
                    ],
                ),
            ),
            val_dataloader=dict(
                batch_size=2,
                dataset=people('3dpw', pipeline=TEST_PIPELINE, test_mode=True),
            ),
            test_dataloader=dict(
                batch_size=32,
                dataset=dict(
                    type='SyntheticWorld',
                    split='test',
                    num_images=1000,
                    seed=4,
                    image_size=(256, 192),
                    pipeline=TEST_PIPELINE,
                    test_mode=True,
                ),
            ),
            val_evaluator=[dict(type='MPJPE', body_model=dict(SMPL))],
            train_cfg=dict(
                by_epoch=False, max_iters=50000, val_interval=5000, dynamic_intervals=[(9, 9)]
            ),
            default_hooks=dict(
                logger=dict(type='LoggerHook', interval=50),
                checkpoint=dict(type='CheckpointHook', interval=1000, by_epoch=False),
            ),
            load_from='work_dirs/gone/iter_1.pth',
        )
    )


def test_what_must_be_downloaded_is_replaced() -> None:
    cfg = real_config()
    before = copy.deepcopy(cfg)
    new, lines = use_embedded(cfg)
    assert cfg.pretty_text == before.pretty_text  # a copy was changed
    assert "'SMPL'" not in str(new._cfg_dict)
    assert new.model.data_preprocessor.body_model == dict(type='FreeBody')
    assert new.val_evaluator[0].body_model == dict(type='FreeBody')
    train, val, test = (new[f'{s}_dataloader'] for s in ('train', 'val', 'test'))
    assert train.dataset == dict(
        type='SyntheticWorld',
        split='train',
        num_images=NUM_IMAGES['train'],
        pipeline=PIPELINE,
        test_mode=False,
    )
    assert train.batch_size == MAX_BATCH_SIZE and train.num_workers <= 2
    assert val.dataset.test_mode and val.dataset.pipeline == TEST_PIPELINE and val.batch_size == 2
    assert test.dataset.num_images == NUM_IMAGES['test'] and test.dataset.image_size == (256, 192)
    assert new.train_cfg.max_iters == MAX_ITERS and new.train_cfg.val_interval == MAX_ITERS
    assert 'dynamic_intervals' not in new.train_cfg
    assert new.default_hooks.checkpoint.interval == MAX_ITERS
    assert new.model.init_cfg == [dict(type='Normal', layer='Linear')]
    assert new.model.backbone.init_cfg is None
    assert new.model.neck.init_cfg == dict(type='Normal', layer='Conv2d')
    assert new.load_from is None
    text = '\n'.join(lines)
    assert 'SMPL -> FreeBody (3 places)' in text
    assert 'train_dataloader: MixtureDataset -> SyntheticWorld with 24 images' in text
    assert 'max_iters 50000 -> 20' in text
    for path in ('work_dirs/whmr_r50_stage2', 'data/pretrained/r50.pth', 'work_dirs/gone/iter_1'):
        assert f'RANDOM WEIGHTS instead of {path}' in text
    assert 'EMBEDDED RUN' in banner(lines)
    assert find_missing(new) == []


def test_weights_that_are_there_are_kept(workdir: Path) -> None:
    for name in ('work_dirs/whmr_r50_stage2/iter_5.pth', 'data/pretrained/r50.pth'):
        (workdir / name).parent.mkdir(parents=True)
        (workdir / name).touch()
    new, lines = use_embedded(real_config())
    assert len(new.model.init_cfg) == 2
    assert new.model.backbone.init_cfg.checkpoint == 'data/pretrained/r50.pth'
    assert new.model.init_cfg[0].any_body and new.model.backbone.init_cfg.any_body
    assert 'r50' not in '\n'.join(lines)


def test_stages_of_embedded_runs_follow_each_other(workdir: Path) -> None:
    for name in ('whmr_r50_stage2', 'whmr_r50_stage2_embedded'):
        (workdir / 'work_dirs' / name).mkdir(parents=True)
        (workdir / 'work_dirs' / name / 'iter_5.pth').touch()
    new, lines = use_embedded(real_config())
    assert new.model.init_cfg[0].checkpoint == 'work_dirs/whmr_r50_stage2_embedded'
    assert 'weights of work_dirs/whmr_r50_stage2_embedded' in '\n'.join(lines)


def test_short_schedules_are_not_lengthened() -> None:
    cfg = real_config()
    cfg.train_cfg = dict(by_epoch=True, max_epochs=1)
    cfg.train_dataloader.batch_size = 2
    new, lines = use_embedded(cfg)
    assert new.train_cfg.max_epochs == 1 and new.train_dataloader.batch_size == 2
    assert new.default_hooks.checkpoint.interval == MAX_ITERS  # counted in iterations
    new, _ = use_embedded(Config(dict(model=dict(type='X'))))
    assert new.model.type == 'X'
    assert 'max_epochs 1 -> 1' in '\n'.join(lines)


def test_one_error_lists_all_that_is_missing(workdir: Path) -> None:
    with pytest.raises(MissingFilesError) as caught:
        require_files(real_config())
    text = str(caught.value)
    for part in (
        'annotations data/h36m/h36m_train.npz: Human3.6M',
        'vision.imar.ro/human3.6m',
        'data/coco/coco_train.npz',
        'data/3dpw/3dpw_train.npz',
        'SMPL_NEUTRAL.npz is missing: get SMPL from https://smpl.is.tue.mpg.de',
        'J_regressor_extra.npy',
        "the result of the config 'whmr_r50_stage2'",
        'data/pretrained/r50.pth does not exist; get it first',
        'work_dirs/gone/iter_1.pth does not exist',
        '--embedded',
    ):
        assert part in text, part
    assert text.count('SMPL_NEUTRAL.npz is missing') == 1


def test_a_test_run_needs_neither_training_data_nor_earlier_stages(workdir: Path) -> None:
    text = '\n'.join(find_missing(real_config(), training=False))
    assert 'SMPL_NEUTRAL' in text
    assert 'h36m_train' not in text and 'stage2' not in text
