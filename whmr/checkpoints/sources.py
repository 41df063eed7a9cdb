"""The table of foreign sources."""

from collections.abc import Mapping

from torch import Tensor

from whmr.checkpoints import (
    pose_resnet,
    pymaf,
    spec_camcalib,
    spin_hmr,
    torchvision_resnet,
    vitpose_coco,
    whmr_release,
)
from whmr.checkpoints.key_map import Conversion, KeyMismatchError, Source

_FAMILIES = (
    whmr_release,
    spec_camcalib,
    vitpose_coco,
    pose_resnet,
    torchvision_resnet,
    spin_hmr,
    pymaf,
)


def _table() -> dict[str, Source]:
    """Every family by name, and the release's variants by theirs."""
    table = {family.SOURCE.name: family.SOURCE for family in _FAMILIES}
    for key_map in whmr_release.SOURCE.key_maps:
        description = f'{key_map.title} -> WorldHMR; refuses the other variants'
        table[key_map.name] = Source(
            key_map.name, description, (key_map,), whmr_release.SOURCE.topology
        )
    return table


SOURCES: Mapping[str, Source] = _table()


def convert_checkpoint(
    state_dict: Mapping[str, Tensor], source: str, what: str = 'the state dict'
) -> Conversion:
    """Convert a foreign state dict into ours.

    Args:
        state_dict: The foreign state dict.
        source: A name of `SOURCES`.
        what: The name of the file, for messages.

    Raises:
        KeyMismatchError: The state dict does not have the source's layout; the message says which
            source it belongs to, where one fits.
        ValueError: There is no such source.
    """
    if source not in SOURCES:
        raise ValueError(f'unknown source {source!r}: one of {", ".join(SOURCES)}')
    try:
        return SOURCES[source].convert(state_dict, what)
    except KeyMismatchError as error:
        other = _find(state_dict)
        if other is None:
            raise
        name, title = other
        raise KeyMismatchError(
            f"{what} is no checkpoint of '{source}' but of {title}: give the source '{name}'",
            error.problems,
        ) from None


def _find(state_dict: Mapping[str, Tensor]) -> tuple[str, str] | None:
    """Name and title of the source that fits exactly; the variant's own name where it has one."""
    for name, source in SOURCES.items():
        key_map = source.recognise(state_dict)
        if key_map.problems(state_dict).count == 0:
            return key_map.name if key_map.name in SOURCES else name, key_map.title
    return None
