# SPEC-SYN test, in camera space (14 joints) and in the world (24 joints, as SPEC).
_protocol_body = dict(type='SMPL', model_path='data/body_models/smpl')
_protocol_set = dict(
    type='HMRDataset',
    data_root='data/spec_syn',
    ann_file='spec_syn_test.npz',
    data_prefix=dict(img='images'),
    test_mode=True,
)
_protocol_evaluator = [
    dict(type='ProtocolMetric', protocol='spec_syn_camera', body_model=_protocol_body),
    dict(type='ProtocolMetric', protocol='spec_syn_world', body_model=_protocol_body),
]
