# Stage III (W-HMR Sec. 3.4): OrientCorrect alone, everything else frozen; world-space supervision.
world = dict(
    type='WorldHMR',
    frozen=('estimator', 'donor', 'camera'),
    losses=dict(
        keypoints_3d=dict(type='Keypoint3DLoss', weight=300.0),
        vertices=dict(type='VertexLoss', weight=15.0),
        pose=dict(type='PoseLoss', weight=60.0),
    ),
)
