"""musicnn's weights, read from its installed wheel: a TensorFlow checkpoint, without TensorFlow."""

import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

INDEX, DATA = ".index", ".data-00000-of-00001"
# Of musicnn 0.1.0: other weights would give other numbers, and a broken file none.
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
FOOTER_LENGTH = 48  # bytes at the end of the index that say where its parts are
FLOAT = 1  # TensorFlow's number for float32


def read(network: str, folder: Path | None = None) -> dict[str, NDArray[np.float32]]:
    """The arrays of `network`, "msd" or "mtt", by their names in the checkpoint; Adam's memory is left out.

    `folder` holds the network's files; None is the installed wheel's, ISC licence. Raises ImportError where the wheel
    is missing, and ValueError where a file is not the one that was published.
    """
    folder = _installed(network) if folder is None else folder
    content = []
    for name, digest in zip((INDEX, DATA), DIGESTS[network], strict=True):
        path = folder / name
        content.append(path.read_bytes() if path.exists() else b"")
        if hashlib.sha256(content[-1]).hexdigest() != digest:
            raise ValueError(
                f"{path} {'differs from' if content[-1] else 'is missing, unlike'} what musicnn 0.1.0 was published with: "
                "remove .venv and run `make setup`, which installs it again."
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
    found = importlib.util.find_spec("musicnn")  # found, not imported: it would import TensorFlow
    if found is None or not found.submodule_search_locations:
        raise ImportError(
            "musicnn, whose wheel holds the pretrained weights, is not installed here: run `make setup`, or choose a "
            "feature that needs none (feature=mel ...)."
        )
    return Path(found.submodule_search_locations[0]) / f"{network.upper()}_musicnn"


def _entries(index: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and entries (protocol buffers, BundleEntryProto) of an index, which is a LevelDB table."""
    footer, place = index[-FOOTER_LENGTH:], 0
    for _ in range(2):  # where the table of other tables is: not needed
        _, place = _number(footer, place)
    start, place = _number(footer, place)
    length, _ = _number(footer, place)
    for _, where in _block(index, start, length):
        start, place = _number(where, 0)
        for name, entry in _block(index, start, _number(where, place)[0]):
            if name:  # the nameless one describes the table itself
                yield name.decode(), entry


def _block(table: bytes, start: int, length: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block: each key says how many bytes it shares with the one before it."""
    block, place, key = table[start : start + length], 0, b""
    restarts = int.from_bytes(block[-4:], "little")
    while place < length - 4 - 4 * restarts:
        shared, place = _number(block, place)
        fresh, place = _number(block, place)
        size, place = _number(block, place)
        key = key[:shared] + block[place : place + fresh]
        yield key, block[place + fresh : place + fresh + size]
        place += fresh + size


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Numbers and values of a protocol buffer's fields."""
    place = 0
    while place < len(message):
        tag, place = _number(message, place)
        kind = tag & 7
        if kind == 0:
            value, place = _number(message, place)
            yield tag >> 3, value
            continue
        size, place = _number(message, place) if kind == 2 else ({1: 8, 5: 4}[kind], place)
        yield tag >> 3, message[place : place + size]
        place += size


def _number(content: bytes, place: int) -> tuple[int, int]:
    """A whole number of 7 bits a byte, least first, and the place after it."""
    value = shift = 0
    while True:
        byte = content[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
