# Commented mixture B of the authors' release: pseudo-labelled photos and Human3.6M alone.
# Keys: set / folder of its photos / annotation file.
_shares = {
    'h36m/images/h36m_train.npz': 0.10,
    'mpii/images_vitpose/mpii_vitpose_train.npz': 0.10,
    'coco/images_pruned/coco_pruned_train.npz': 0.10,
    'coco/images_vitpose/coco_vitpose_train.npz': 0.10,
    'mpi_inf_3dhp/images_pruned/mpi_inf_3dhp_pruned_train.npz': 0.02,
    'ava/images/ava_train.npz': 0.19,
    'aic/images_vitpose/aic_vitpose_train.npz': 0.19,
    'insta/images/insta_train.npz': 0.20,
}
mixture_dataset = dict(
    type='MixtureDataset',
    length=180000,
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
