"""The catalog's commands for the converters of label files and tars make the catalog's files."""

import argparse
import shlex

import pytest

from tests.tools.dataset_fixtures.loading import load_converter
from whmr.datasets import CATALOG

CLASSES = {
    'agora': 'Agora',
    'bedlam': 'Bedlam',
    'cliff': 'Cliff',
    'eft': 'Eft',
    'hmr2_shards': 'Hmr2Shards',
    'humman': 'HuMMan',
    'spec': 'Spec',
}
FILES = [
    (info, file) for info in CATALOG.values() for file in info.files if file.converter in CLASSES
]


@pytest.mark.parametrize(('info', 'file'), FILES, ids=[file.name for _, file in FILES])
def test_command_makes_the_file(info, file, tmp_path):
    cls = getattr(load_converter(file.converter), CLASSES[file.converter])
    parser = argparse.ArgumentParser()
    for name in ('source_root', 'out_dir'):
        parser.add_argument(name)
    parser.add_argument('--splits', nargs='+', choices=(*cls.splits, *cls.more_splits))
    cls.add_arguments(parser)
    args = parser.parse_args([str(tmp_path), str(tmp_path / 'out'), *shlex.split(file.options)])
    if getattr(args, 'labels', None) is not None:
        (tmp_path / args.labels).touch()
    converter = cls.from_args(args)
    splits = args.splits or cls.splits
    assert file.name in [converter.output(split).name for split in splits]
    assert converter.name == info.name
    assert converter.images.name == (file.images or info.images)


def test_every_such_tool_is_in_the_catalog():
    assert {file.converter for _, file in FILES} == set(CLASSES)
