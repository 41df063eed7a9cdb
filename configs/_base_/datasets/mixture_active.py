# The mixture that the authors' release trains with (datasets/mixed_dataset.py of snapshot 6dd6c49).
# No stage is tied to it there; here it is that of stages I and II. A leaf adds the pipeline.
# Keys: set / folder of its photos / annotation file.
_shares = {
    'h36m/images/h36m_train.npz': 0.07,
    'mpii/images_vitpose/mpii_vitpose_train.npz': 0.05,
    'coco/images_pruned/coco_pruned_train.npz': 0.05,
    'coco/images_vitpose/coco_vitpose_train.npz': 0.05,
    'mpi_inf_3dhp/images_pruned/mpi_inf_3dhp_pruned_train.npz': 0.02,
    'ava/images/ava_train.npz': 0.18,
    'aic/images_vitpose/aic_vitpose_train.npz': 0.18,
    'insta/images/insta_train.npz': 0.19,
    'agora/images/agora_train.npz': 0.07,
    '3dpw/imageFiles/3dpw_train.npz': 0.07,
    'humman/images/humman_train.npz': 0.07,
}
mixture_dataset = dict(
    type='MixtureDataset',
    length=165000,
    probabilities=list(_shares.values()),
    datasets=[
        dict(
            type='HMRDataset',
            data_root='data/' + path.split('/')[0],
            data_prefix=dict(img=path.split('/')[1]),
            ann_file=path.split('/')[2],
        )
        for path in _shares
    ],
)
