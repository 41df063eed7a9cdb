# 3DPW test: 14 joints by the H36M regressor, meshes of the labelled gender (W-HMR Sec. 4.2).
_protocol_body = dict(type='SMPL', model_path='data/body_models/smpl')
_protocol_set = dict(
    type='HMRDataset',
    data_root='data/3dpw',
    ann_file='3dpw_test.npz',
    data_prefix=dict(img='imageFiles'),
    test_mode=True,
)
_protocol_evaluator = [
    dict(type='ProtocolMetric', protocol='3dpw', body_model=_protocol_body),
]
