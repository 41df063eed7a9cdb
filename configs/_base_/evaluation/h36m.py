# Human3.6M S9 and S11: protocol 1 (all cameras) and 2 (frontal camera), annotated joints.
_protocol_body = dict(type='SMPL', model_path='data/body_models/smpl')
_protocol_set = dict(
    type='HMRDataset',
    data_root='data/h36m',
    ann_file='h36m_test.npz',
    data_prefix=dict(img='images'),
    test_mode=True,
)
_protocol_evaluator = [
    dict(type='ProtocolMetric', protocol='h36m', body_model=_protocol_body),
]
