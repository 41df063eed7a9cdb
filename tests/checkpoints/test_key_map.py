"""The engine that maps keys: strict both ways, and what it says."""

import pytest
import torch

from whmr.checkpoints import Drop, Entry, KeyMap, KeyMismatchError, Source

ENTRIES = (
    Entry('a.weight', 'ours.weight', (2, 3)),
    Entry('a.bias', 'ours.bias', (2,), lambda bias: 2 * bias[:1]),
    Entry('bn.num_batches_tracked', 'norm.num_batches_tracked', ()),
)
DROPS = (Drop(r'head\.\w+', 'not used here'),)
KEY_MAP = KeyMap('toy', 'a toy', ENTRIES, DROPS, ('module.', 'model.'))


def make_state(prefix: str = '') -> dict[str, torch.Tensor]:
    return {
        f'{prefix}a.weight': torch.arange(6.0).reshape(2, 3),
        f'{prefix}a.bias': torch.tensor([3.0, 4.0]),
        f'{prefix}head.x': torch.ones(1),
    }


@pytest.mark.parametrize('prefix', ['', 'module.', 'model.', 'module.model.'])
def test_maps_drops_and_adds(prefix: str) -> None:
    done = KEY_MAP.convert(make_state(prefix))
    assert done.layout == 'toy'
    assert done.mapped == {f'{prefix}a.weight': 'ours.weight', f'{prefix}a.bias': 'ours.bias'}
    assert done.dropped == {'not used here': [f'{prefix}head.x']}
    assert done.state_dict['ours.weight'].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert done.state_dict['ours.bias'].tolist() == [6]
    assert done.state_dict['norm.num_batches_tracked'] == 0


def test_a_prefix_before_some_keys_alone_is_not_removed() -> None:
    state = {**make_state(), 'model.extra': torch.ones(1)}
    with pytest.raises(KeyMismatchError, match=r'1 key unexpected \(model\.extra\)$'):
        KEY_MAP.convert(state)


def test_result_shares_no_memory_with_the_file() -> None:
    state = make_state()
    converted = KEY_MAP.convert(state).state_dict
    state['a.weight'].zero_()
    assert converted['ours.weight'].sum() == 15


def test_every_problem_is_listed() -> None:
    state = {'a.weight': torch.ones(3, 2), 'b': torch.ones(1), 'heads.x': torch.ones(1)}
    with pytest.raises(KeyMismatchError) as caught:
        KEY_MAP.convert(state, 'file.pth')
    assert str(caught.value) == (
        'file.pth is no checkpoint of a toy: 1 key missing (a.bias); 2 keys unexpected (b, '
        'heads.x); 1 key of another shape (a.weight (3x2 in the file, 2x3 expected))'
    )
    assert caught.value.problems.count == 4
    assert caught.value.problems.lines() == [
        'missing: a.bias',
        'unexpected: b',
        'unexpected: heads.x',
        'wrong shape: a.weight (3x2 in the file, 2x3 expected)',
    ]


def test_the_message_stays_short() -> None:
    state = {f'key{i}': torch.ones(1) for i in range(50)}
    with pytest.raises(KeyMismatchError, match=r'50 keys unexpected \(key0, .*key3, \.\.\.\)$'):
        KEY_MAP.convert(make_state() | state)


def test_nearest_variant_is_recognised() -> None:
    longer = KeyMap('longer', 'longer', (*ENTRIES, Entry('c', 'c', (1,))), DROPS)
    source = Source('toys', 'toys', (longer, KEY_MAP))
    assert source.convert(make_state()).layout == 'toy'
    assert source.convert({**make_state(), 'c': torch.ones(1)}).layout == 'longer'
    with pytest.raises(KeyMismatchError, match=r'of longer: .*1 key of another shape \(c \(2 in'):
        source.convert({**make_state(), 'c': torch.ones(2)})


@pytest.mark.parametrize('what', ['source', 'target'])
def test_a_table_that_names_a_key_twice_is_refused(what: str) -> None:
    again = ENTRIES[0]._replace(**{'target' if what == 'source' else 'source': 'other'})
    with pytest.raises(ValueError, match=rf'key map bad: {what} \w+\.weight appears twice'):
        KeyMap('bad', 'bad', (*ENTRIES, again))
