# Commented mixture A of the authors' release. A share over several sets is split by their sizes.
# Paths: set / folder of its photos / annotation file.
_shares = [
    (0.40, ['h36m/images/h36m_train.npz']),
    (0.20, ['agora/images/agora_train.npz', 'spec_syn/images/spec_syn_train.npz']),
    (0.10, ['humman/images/humman_train.npz']),
    (0.10, ['mpi_inf_3dhp/images/mpi_inf_3dhp_train.npz']),
    (0.10, ['coco/images/coco_cliff_train.npz']),
    (0.05, ['lspet/images/lspet_eft_train.npz']),
    (
        0.05,
        [
            'lsp/images/lsp_train.npz',
            '3dpw/imageFiles/3dpw_train.npz',
            'mpii/images/mpii_cliff_train.npz',
        ],
    ),
]
mixture_dataset = dict(
    type='MixtureDataset',
    length=250000,
    probabilities=[share for share, _ in _shares],
    datasets=[
        dict(
            type='MixtureDataset',
            datasets=[
                dict(
                    type='HMRDataset',
                    data_root='data/' + path.split('/')[0],
                    data_prefix=dict(img=path.split('/')[1]),
                    ann_file=path.split('/')[2],
                )
                for path in paths
            ],
        )
        for _, paths in _shares
    ],
)
