"""Which part of the photos this process takes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

# Rank, processes and rank on this machine, by launcher: torchrun, then srun.
_LAUNCHERS = (
    ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    ('SLURM_PROCID', 'SLURM_STEP_NUM_TASKS', 'SLURM_LOCALID'),
    ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
)


@dataclass(frozen=True)
class Share:
    """One of several processes that work on the same photos.

    Args:
        rank: Which process, from 0.
        processes: How many there are, on all machines.
        local_rank: Which process of this machine, from 0.

    Raises:
        ValueError: If there is no such process.
    """

    rank: int = 0
    processes: int = 1
    local_rank: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.rank < self.processes and self.local_rank >= 0):
            raise ValueError(f'there is no process {self.rank} of {self.processes}')

    @property
    def is_whole(self) -> bool:
        """Whether this process takes everything."""
        return self.processes == 1


def find_share(environ: Mapping[str, str] = os.environ) -> Share:
    """The share that `torchrun` or Slurm's `srun` gives this process; everything without them.

    Args:
        environ: The environment variables.

    Raises:
        ValueError: If they are no numbers that make sense.
    """
    for rank, processes, local_rank in _LAUNCHERS:
        if rank in environ and processes in environ:
            try:
                return Share(
                    int(environ[rank]), int(environ[processes]), int(environ.get(local_rank, 0))
                )
            except ValueError as error:
                raise ValueError(
                    f'the environment variables {rank}, {processes}: {error}'
                ) from None
    return Share()
