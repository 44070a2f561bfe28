"""musicnn's weights, read from the TensorFlow checkpoint in its installed package, without TensorFlow."""

import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

INDEX, DATA = ".index", ".data-00000-of-00001"
# SHA-256 of the index and data files of musicnn 0.1.0. Other weights would silently give other results.
DIGESTS = {
    "msd": (
        "87f3e0f3550c8d3bafc840374003e5c8af5eeb5ecf6add61af09a7822d3282c8",
        "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6",
    ),
    "mtt": (
        "da2d7bb670b2b31e9bc441bb1bd75eca31b5b061f963cc1f9630c1aff3238f57",
        "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab",
    ),
}
FOOTER_LENGTH = 48  # bytes at the end of the index, with the positions of its parts
FLOAT = 1  # TensorFlow's code for float32


def read(network: str, folder: Path | None = None) -> dict[str, NDArray[np.float32]]:
    """Read the weights of `network`, "msd" or "mtt": arrays by their names in the checkpoint, without Adam's state.

    `folder` contains the network's files; None means the installed package (ISC licence). Raises ImportError if the
    package is missing, and ValueError if a file differs from the published one.
    """
    folder = _installed(network) if folder is None else folder
    content = []
    for name, digest in zip((INDEX, DATA), DIGESTS[network], strict=True):
        path = folder / name
        content.append(path.read_bytes() if path.exists() else b"")
        if hashlib.sha256(content[-1]).hexdigest() != digest:
            problem = "is not" if content[-1] else "is missing or empty: expected"
            raise ValueError(
                f"{path} {problem} the file published with musicnn 0.1.0. Remove .venv and run `make setup`, which "
                "installs it again."
            )
    index, data = content
    arrays = {}
    for name, entry in _entries(index):
        fields = dict(_fields(entry))
        if "Adam" not in name and fields.get(1) == FLOAT:
            shape = [dict(_fields(size)).get(1, 0) for _, size in _fields(fields[2])]
            start, length = fields.get(4, 0), fields[5]
            arrays[name] = np.frombuffer(data[start : start + length], "<f4").reshape(shape)
    return arrays


def _installed(network: str) -> Path:
    """Find the folder of the network's files in the installed package. Raises ImportError if it is not installed."""
    spec = importlib.util.find_spec("musicnn")  # not imported, because that would import TensorFlow
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            "The package musicnn, which contains the pretrained weights, is not installed. Run `make setup`, or choose "
            "a feature without pretrained weights, such as feature=mel."
        )
    return Path(spec.submodule_search_locations[0]) / f"{network.upper()}_musicnn"


def _entries(index: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the names and entries (protocol buffers, BundleEntryProto) of an index, which is a LevelDB table."""
    footer, position = index[-FOOTER_LENGTH:], 0
    for _ in range(2):  # offset and size of the meta index: not needed
        _, position = _number(footer, position)
    start, position = _number(footer, position)
    length, _ = _number(footer, position)
    for _, handle in _block(index, start, length):
        start, position = _number(handle, 0)
        for name, entry in _block(index, start, _number(handle, position)[0]):
            if name:  # the entry without a name describes the table itself
                yield name.decode(), entry


def _block(table: bytes, start: int, length: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a block. Each key omits the bytes that it shares with the previous key."""
    block, position, key = table[start : start + length], 0, b""
    restarts = int.from_bytes(block[-4:], "little")
    while position < length - 4 - 4 * restarts:
        shared, position = _number(block, position)
        unshared, position = _number(block, position)
        size, position = _number(block, position)
        key = key[:shared] + block[position : position + unshared]
        yield key, block[position + unshared : position + unshared + size]
        position += unshared + size


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the numbers and values of a protocol buffer's fields."""
    position = 0
    while position < len(message):
        tag, position = _number(message, position)
        wire_type = tag & 7
        if wire_type == 0:
            value, position = _number(message, position)
            yield tag >> 3, value
            continue
        size, position = _number(message, position) if wire_type == 2 else ({1: 8, 5: 4}[wire_type], position)
        yield tag >> 3, message[position : position + size]
        position += size


def _number(content: bytes, position: int) -> tuple[int, int]:
    """Decode a whole number (varint: 7 bits per byte, lowest first) -> the number and the position after it."""
    value = shift = 0
    while True:
        byte = content[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
