"""Files inside uncompressed tars, read where they lie: `shard.tar/<first byte>-<end>/<name>`.

Such a path says where the bytes are, so that a reader needs neither an index of the tar nor a scan
of its headers, and photos that are delivered in tars need not be unpacked.
"""

import os
import re
from typing import NamedTuple

from whmr.fileio.remote import read_file

_PATTERN = re.compile(r'^(?P<tar>.+\.tar)/(?P<start>\d+)-(?P<end>\d+)/(?P<name>.+)$')


class TarMember(NamedTuple):
    """A file inside a tar: its bytes are those from `start` up to `end`."""

    tar: str
    start: int
    end: int
    name: str

    @property
    def path(self) -> str:
        """The one text that says all of it."""
        return f'{self.tar}/{self.start}-{self.end}/{self.name}'


def tar_member(path: str | os.PathLike) -> TarMember | None:
    """What a path says of a file inside a tar; None for the path of a file of its own.

    Args:
        path: The path.
    """
    match = _PATTERN.match(os.fspath(path).replace(os.sep, '/'))
    if match is None:
        return None
    return TarMember(match['tar'], int(match['start']), int(match['end']), match['name'])


def read_tar_member(member: TarMember) -> bytes:
    """The bytes of a file inside a tar, here or behind a URL.

    Args:
        member: Which one.

    Raises:
        OSError: The tar is missing or shorter than that.
    """
    content = read_file(member.tar, member.start, member.end)
    if len(content) != member.end - member.start:
        raise OSError(f'the tar ends at byte {member.start + len(content)}; get it again')
    return content
