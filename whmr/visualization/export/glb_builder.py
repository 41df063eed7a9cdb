"""The binary container of glTF 2.0: https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html."""

import json
import struct
from typing import Any

import numpy as np

MAGIC, VERSION = 0x46546C67, 2
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942
# What a buffer view is for.
VERTEX_DATA, INDEX_DATA = 34962, 34963
COMPONENT_TYPES = {'float32': 5126, 'uint8': 5121, 'uint16': 5123, 'uint32': 5125}
ELEMENT_TYPES = {(): 'SCALAR', (3,): 'VEC3', (4,): 'VEC4', (4, 4): 'MAT4'}


class GlbBuilder:
    """Collects the objects and arrays of a scene and packs them into one file.

    Args:
        generator: The program that makes the file.
    """

    def __init__(self, generator: str) -> None:
        self._asset: dict[str, Any] = {'version': '2.0', 'generator': generator}
        self._objects: dict[str, list[dict[str, Any]]] = {}
        self._binary = bytearray()

    def add(self, kind: str, item: dict[str, Any]) -> int:
        """Append an object to one of glTF's top-level lists, such as `nodes`; returns its index."""
        items = self._objects.setdefault(kind, [])
        items.append(item)
        return len(items) - 1

    def array(self, values: np.ndarray, *, target: int | None = None, bounds: bool = False) -> int:
        """Store an array; returns the index of its accessor.

        Args:
            values: float32, uint8, uint16 or uint32.
            target: `VERTEX_DATA` or `INDEX_DATA` for parts of a mesh.
            bounds: State the smallest and the largest value, as positions and times must.

        Shapes: values: (N,), (N, 3), (N, 4), or (N, 4, 4) matrices (rows first, as in numpy).

        Raises:
            KeyError: If glTF has no such type or shape.
        """
        component = COMPONENT_TYPES[values.dtype.name]
        element = ELEMENT_TYPES[values.shape[1:]]
        stored = values.swapaxes(1, 2) if element == 'MAT4' else values  # columns come first
        data = np.ascontiguousarray(stored).astype(values.dtype.newbyteorder('<')).tobytes()
        view: dict[str, Any] = {
            'buffer': 0,
            'byteOffset': len(self._binary),
            'byteLength': len(data),
        }
        if target is not None:
            view['target'] = target
        self._binary += data + bytes(-len(data) % 4)
        accessor: dict[str, Any] = {
            'bufferView': self.add('bufferViews', view),
            'componentType': component,
            'count': len(values),
            'type': element,
        }
        if bounds:
            flat = values.reshape(len(values), -1)
            accessor['min'] = flat.min(axis=0).tolist()
            accessor['max'] = flat.max(axis=0).tolist()
        return self.add('accessors', accessor)

    def count(self, kind: str) -> int:
        """How many objects one of glTF's top-level lists has so far."""
        return len(self._objects.get(kind, ()))

    def to_bytes(self, *, extras: dict[str, Any]) -> bytes:
        """The file.

        Args:
            extras: What else to state about it, kept under `asset.extras`.
        """
        content: dict[str, Any] = {'asset': {**self._asset, 'extras': extras}, 'scene': 0}
        content |= self._objects
        if self._binary:
            content['buffers'] = [{'byteLength': len(self._binary)}]
        text = json.dumps(content, separators=(',', ':'), allow_nan=False).encode()
        text += b' ' * (-len(text) % 4)
        chunks = [struct.pack('<II', len(text), JSON_CHUNK), text]
        if self._binary:
            chunks += [struct.pack('<II', len(self._binary), BINARY_CHUNK), bytes(self._binary)]
        body = b''.join(chunks)
        return struct.pack('<III', MAGIC, VERSION, 12 + len(body)) + body
