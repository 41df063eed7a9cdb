from argparse import ArgumentParser

import pytest

from whmr.apis.body_options import add_body_options, read_body_options


def test_options() -> None:
    parser = ArgumentParser()
    add_body_options(parser)
    found = read_body_options(parser.parse_args([]))
    assert found == {'model_path': 'data/body_models/smpl', 'gender': 'neutral'}
    args = parser.parse_args(['--smpl-folder', 'smpl', '--gender', 'female'])
    assert read_body_options(args) == {'model_path': 'smpl', 'gender': 'female'}
    with pytest.raises(SystemExit):
        parser.parse_args(['--gender', 'other'])
