# SPEC-MTP, in camera space (14 joints) and in the world (24 joints, as SPEC).
_protocol_body = dict(type='SMPL', model_path='data/body_models/smpl')
_protocol_set = dict(
    type='HMRDataset',
    data_root='data/spec_mtp',
    ann_file='spec_mtp_test.npz',
    data_prefix=dict(img='images'),
    test_mode=True,
)
_protocol_evaluator = [
    dict(type='ProtocolMetric', protocol='spec_mtp_camera', body_model=_protocol_body),
    dict(type='ProtocolMetric', protocol='spec_mtp_world', body_model=_protocol_body),
]
