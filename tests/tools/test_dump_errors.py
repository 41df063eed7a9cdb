"""`tools/test.py --dump` also asks for the errors of each sample."""

import importlib.util
from pathlib import Path

from mmengine import Config

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'test.py'


def load_tool():
    spec = importlib.util.spec_from_file_location('whmr_tools_test', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_metric_gets_its_own_file_beside_the_predictions():
    cfg = Config(
        dict(
            test_evaluator=[
                dict(type='CameraSpaceMetric'),
                dict(type='WorldSpaceMetric', dump_path='mine.csv'),
            ]
        )
    )
    load_tool().dump_errors(cfg, Path('out/run.npz'))
    camera, world = cfg.test_evaluator
    assert Path(camera.dump_path) == Path('out/run_CameraSpaceMetric.csv')
    assert world.dump_path == 'mine.csv'


def test_a_single_metric_without_a_list():
    cfg = Config(dict(test_evaluator=dict(type='CameraMetric')))
    load_tool().dump_errors(cfg, Path('run.npz'))
    assert cfg.test_evaluator.dump_path == 'run_CameraMetric.csv'


def test_two_protocols_do_not_share_a_file():
    names = ['spec_mtp_camera', 'spec_mtp_world']
    evaluators = [dict(type='ProtocolMetric', protocol=name) for name in names]
    cfg = Config(dict(test_evaluator=evaluators))
    load_tool().dump_errors(cfg, Path('run.npz'))
    assert [e.dump_path for e in cfg.test_evaluator] == [f'run_{name}.csv' for name in names]
