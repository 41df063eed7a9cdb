# MPI-INF-3DHP test: 17 annotated joints.
_protocol_body = dict(type='SMPL', model_path='data/body_models/smpl')
_protocol_set = dict(
    type='HMRDataset',
    data_root='data/mpi_inf_3dhp',
    ann_file='mpi_inf_3dhp_test.npz',
    data_prefix=dict(img='images'),
    test_mode=True,
)
_protocol_evaluator = [
    dict(type='ProtocolMetric', protocol='mpi_inf_3dhp', body_model=_protocol_body),
]
