"""A few values of a long series."""

import pytest

from whmr.tracking import BoundedSample


@pytest.mark.parametrize('length', [0, 1, 5, 8, 9, 100, 1000])
def test_values_are_evenly_spaced_and_few(length: int) -> None:
    sample: BoundedSample[int] = BoundedSample(8)
    for value in range(length):
        sample.add(value)
    assert sample.count == length
    assert min(length, 4) <= len(sample.values) <= 8
    steps = {later - earlier for earlier, later in zip(sample.values, sample.values[1:])}
    assert len(steps) <= 1
    assert not length or sample.values[0] == 0
    assert length <= 8 or length - sample.values[-1] <= max(steps)


def test_a_sample_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match='size=1 must be 2 or more'):
        BoundedSample(1)
