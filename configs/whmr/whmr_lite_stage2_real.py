# Stage II with real frames among the synthetic ones: their 2D joints alone supervise body, distance
# and focal length. docs/data.md says how to make them.
_base_ = ['whmr_lite_stage2.py', '../_base_/datasets/real_frames.py']
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='MixtureDataset',
        length='largest',
        probabilities=[0.8, 0.2],
        pipeline=_base_.train_pipeline,
        datasets=[_base_.camera_train_dataset, _base_.real_train_dataset],
    )
)
