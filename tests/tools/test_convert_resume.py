"""Every converter: interrupted within two of its units, it gives the bytes of a whole run."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.tools.dataset_fixtures import (
    agora,
    bedlam,
    cliff,
    eft,
    h36m,
    hmr2_shards,
    human_data,
    humman,
    mpi_inf_3dhp,
    photo_sets,
    spec,
    spin_npz,
    threedpw,
)
from tests.tools.dataset_fixtures.loading import CONVERTERS, load_converter
from tests.tools.dataset_fixtures.truth import make_people
from whmr.datasets.conversion import (
    Converter,
    Dropped,
    Row,
    convert_split,
    shard_names,
    summary_file,
)

Make = Callable[[ModuleType, Path, Path], Converter]


def label_file(cls: str, write: Callable) -> tuple[Callable[[Path], object], Make]:
    """A set whose labels are one file; a folder with a name of its own holds the photos."""
    files = {}

    def fixture(folder: Path) -> None:
        folder.mkdir()
        files[folder] = write(folder, make_people(5))

    return fixture, lambda tool, source, out: getattr(tool, cls)(source, out, labels=files[source])


def plain(cls: str, write: Callable[[Path], object]) -> tuple[Callable[[Path], object], Make]:
    return write, lambda tool, source, out: getattr(tool, cls)(source, out)


def write_agora(folder: Path) -> None:
    agora.write(folder, [agora.scene(2, seed=0)])
    tables = list(folder.rglob('train_*_withjv.pkl'))
    tables[0].with_name('train_1_SMPL_withjv.pkl').write_bytes(tables[0].read_bytes())


def write_3dpw(folder: Path) -> None:
    for name in ('a_00', 'b_00'):
        threedpw.make(folder, split='train', name=name)


def write_humman(folder: Path) -> None:
    humman.write(folder)
    (folder / humman.SEQUENCE).rename(folder / 'p000001_a000001')
    humman.write(folder)
    (folder / 'train.txt').write_text(f'p000001_a000001\n{humman.SEQUENCE}\n')


SOURCES: dict[str, tuple[Callable[[Path], object], Make]] = {
    '3dpw': plain('ThreeDPWConverter', write_3dpw),
    'agora': plain('Agora', write_agora),
    'aic': plain('AICConverter', lambda folder: photo_sets.make_aic(folder, num=5)),
    'bedlam': label_file('Bedlam', bedlam.write),
    'cliff': label_file('Cliff', cliff.write),
    'coco': plain('COCOConverter', lambda folder: photo_sets.make_coco(folder, num=5)),
    'eft': label_file('Eft', eft.write),
    'h36m': plain('H36MConverter', lambda folder: h36m.make(folder, subject=1)),
    'hmr2_shards': plain(
        'Hmr2Shards', lambda folder: hmr2_shards.write_set(folder, [make_people(2)] * 5)
    ),
    'human_data': label_file('HumanData', human_data.write),
    'humman': plain('HuMMan', write_humman),
    'lsp': plain('LSPConverter', lambda folder: photo_sets.make_lsp(folder, num=8)),
    'lspet': plain('LSPExtendedConverter', lambda folder: photo_sets.make_lspet(folder, num=5)),
    'mpi_inf_3dhp': plain('MPIINF3DHPConverter', mpi_inf_3dhp.make_train),
    'mpii': plain('MPIIConverter', lambda folder: photo_sets.make_mpii(folder, num=5)),
    'spec': label_file('Spec', spec.write),
    'spin_npz': label_file('SpinNpz', spin_npz.write),
}


def test_no_converter_is_forgotten() -> None:
    # `panoramas` writes pictures and a list of splits, no table of people.
    assert {*SOURCES, 'panoramas'} == {path.stem for path in CONVERTERS.glob('*.py')}


@pytest.mark.parametrize('name', SOURCES)
def test_the_same_bytes(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_names, '__defaults__', (2,))
    write, make = SOURCES[name]
    source, tool = tmp_path / 'source', load_converter(name)
    write(source)
    whole = make(tool, source, tmp_path / 'whole' / 'set')
    convert_split(whole, 'train', check=True)
    units = whole.units('train')
    assert len(units) > 1
    for stop in units[:2]:
        broken = make(tool, source, tmp_path / 'broken' / 'set')

        def rows(
            split: str, unit: str, stop: str = stop, read: Callable = broken.rows
        ) -> Iterator[Row | Dropped]:
            entries = read(split, unit)
            yield next(entries)
            if unit == stop:
                raise KeyboardInterrupt
            yield from entries

        broken.rows = rows
        with pytest.raises(KeyboardInterrupt):
            convert_split(broken, 'train', check=True)
        assert not broken.output('train').exists()
    again = make(tool, source, tmp_path / 'broken' / 'set')
    convert_split(again, 'train', check=True)
    for file in (lambda path: path, summary_file):
        one, other = (file(converter.output('train')) for converter in (whole, again))
        assert one.read_bytes() == other.read_bytes()
    assert not list(again.out_dir.rglob('*.parts'))
