# Real frames with 2D pseudo-labels only, which tools/misc/pseudo_label_pose.py makes (docs/data.md
# names three videos and the commands). The third video is kept for testing. A leaf adds the
# pipeline, or mixes them into another set:
#     datasets=[_base_.camera_train_dataset, _base_.real_train_dataset], probabilities=[0.85, 0.15]
_sets = [
    dict(type='HMRDataset', data_root=f'data/real_frames/{name}', data_prefix=dict(img='images'))
    for name in ('pose2sim', 'sports2d', 'vtest')
]
real_train_dataset = dict(
    type='MixtureDataset', datasets=[dict(entry, ann_file='train.npz') for entry in _sets[:2]]
)
real_val_dataset = dict(
    type='MixtureDataset',
    datasets=[dict(entry, ann_file='val.npz', test_mode=True) for entry in _sets],
)
