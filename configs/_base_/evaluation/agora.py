# AGORA validation, computed locally: matching, F1, MPJPE, MVE, NMJE, NMVE.
_protocol_body = dict(type='SMPL', model_path='data/body_models/smpl')
_protocol_set = dict(
    type='HMRDataset',
    data_root='data/agora',
    ann_file='agora_validation.npz',
    data_prefix=dict(img='images'),
    test_mode=True,
)
_protocol_evaluator = [dict(type='AgoraMetric', body_model=_protocol_body)]
