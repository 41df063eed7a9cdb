# The paper's mixtures at the ResNet's resolution.
_base_ = ['./paper_256x192.py']
crop = dict(type='CropPerson', crop_shape=(224, 224))
pipelines = dict(
    train=[crop if s['type'] == 'CropPerson' else s for s in _base_.train_pipeline],
    test=[crop if s['type'] == 'CropPerson' else s for s in _base_.test_pipeline],
    world_train=[crop if s['type'] == 'CropPerson' else s for s in _base_.world_train_pipeline],
    world_test=[crop if s['type'] == 'CropPerson' else s for s in _base_.world_test_pipeline],
)
mixture = dict(datasets=[{**d, 'pipeline': pipelines['train']} for d in _base_.mixture.datasets])
world_train = dict(
    datasets=[{**d, 'pipeline': pipelines['world_train']} for d in _base_.world_train.datasets]
)
camera_test = dict(pipeline=pipelines['test'])
world_test = dict(pipeline=pipelines['world_test'])
world_val = dict(pipeline=pipelines['world_test'])
train_dataloader = dict(dataset=mixture)
val_dataloader = dict(dataset=camera_test)
test_dataloader = dict(dataset=camera_test)
