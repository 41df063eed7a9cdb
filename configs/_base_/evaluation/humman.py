# HuMMan test: 14 joints, PVE un-aligned (W-HMR Sec. 4.2).
_protocol_body = dict(type='SMPL', model_path='data/body_models/smpl')
_protocol_set = dict(
    type='HMRDataset',
    data_root='data/humman',
    ann_file='humman_test.npz',
    data_prefix=dict(img='images'),
    test_mode=True,
)
_protocol_evaluator = [
    dict(type='ProtocolMetric', protocol='humman', body_model=_protocol_body),
]
