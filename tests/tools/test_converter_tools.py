"""What holds for every converter tool: catalog, command line, documentation."""

import pytest

from tests.tools.dataset_fixtures.loading import CONVERTERS, load_converter
from whmr.datasets import CATALOG
from whmr.datasets.conversion import run_converter

CLASSES = {
    'h36m': 'H36MConverter',
    '3dpw': 'ThreeDPWConverter',
    'mpi_inf_3dhp': 'MPIINF3DHPConverter',
    'mpii': 'MPIIConverter',
    'coco': 'COCOConverter',
    'lsp': 'LSPConverter',
    'lspet': 'LSPExtendedConverter',
    'aic': 'AICConverter',
}
CATALOGUED = {
    (file.converter, info.name): info
    for info in CATALOG.values()
    for file in info.files
    if file.converter in CLASSES
}


@pytest.mark.parametrize('tool', CLASSES)
def test_tool_makes_what_the_catalog_says(tool, tmp_path):
    cls = getattr(load_converter(tool), CLASSES[tool])
    info = CATALOGUED[tool, cls.name]
    converter = cls(tmp_path, tmp_path / 'out')
    assert set(info.splits) == {*cls.splits, *cls.more_splits}
    assert {file.name for file in info.files if file.converter == tool} <= {
        converter.output(split).name for split in info.splits
    }
    assert converter.meta(cls.splits[0])['joint_set'] == info.joint_set
    assert converter.images == tmp_path / 'out' / info.images


@pytest.mark.parametrize('tool', CLASSES)
def test_help_and_a_missing_folder(tool, tmp_path, capsys):
    cls = getattr(load_converter(tool), CLASSES[tool])
    with pytest.raises(SystemExit) as stop:
        run_converter(cls, ['--help'])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert f'tools/dataset_converters/{tool}.py' in text and 'exit codes' in text
    assert run_converter(cls, [str(tmp_path / 'nowhere'), str(tmp_path / 'out')]) == 1
    error = capsys.readouterr().err
    assert (
        error.startswith('error: ') and error.count('\n') == 1 and CATALOG[cls.name].home in error
    )


@pytest.mark.parametrize('tool', sorted(path.stem for path in CONVERTERS.glob('*.py')))
def test_tool_is_documented(tool, repo_root):
    assert f'`{tool}.py`' in (repo_root / 'docs' / 'data_converters.md').read_text('utf-8')
