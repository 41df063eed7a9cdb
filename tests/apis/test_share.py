import pytest

from whmr.apis import Share, find_share


def test_alone() -> None:
    assert find_share({}) == Share() and Share().is_whole


def test_torchrun() -> None:
    environ = {'RANK': '5', 'WORLD_SIZE': '8', 'LOCAL_RANK': '1'}
    assert find_share(environ) == Share(5, 8, 1) and not find_share(environ).is_whole


def test_slurm() -> None:
    environ = {'SLURM_PROCID': '2', 'SLURM_NTASKS': '4', 'SLURM_LOCALID': '0'}
    assert find_share(environ) == Share(2, 4, 0)
    # In a batch script, outside of srun, there is one process whatever the job's tasks are.
    assert find_share({**environ, 'SLURM_PROCID': '0', 'SLURM_STEP_NUM_TASKS': '1'}).is_whole
    assert find_share({'SLURM_NTASKS': '4'}).is_whole  # an interactive allocation
    torchrun = {'RANK': '1', 'WORLD_SIZE': '2'}  # started by a task of srun
    assert find_share({**environ, **torchrun}) == Share(1, 2, 0)


@pytest.mark.parametrize(('rank', 'processes'), [('2', '2'), ('-1', '2'), ('x', '2'), ('0', '0')])
def test_nonsense(rank: str, processes: str) -> None:
    with pytest.raises(ValueError, match='RANK, WORLD_SIZE'):
        find_share({'RANK': rank, 'WORLD_SIZE': processes})
