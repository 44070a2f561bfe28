"""Independent reference implementation of musicnn, in numpy and double precision, for the tests of src/pretrained.

It is written from models.py and extractor.py of the published package (Pons and Serra 2019) and shares no code with
src/pretrained, not even the reader of the weight files. The package itself is never imported, because it needs
TensorFlow.
"""

import ast
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import librosa
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]

RATE, FRAME, HOP, BANDS = 16000, 512, 256, 96
PATCH = 187  # frames, 3 s
EPSILON = 1e-3  # tf.layers.batch_normalization's default

# Rows of each layer among the 753 rows that are pooled over time.
LAYERS = {
    "timbral 7 x 38": slice(0, 204),
    "timbral 7 x 67": slice(204, 408),
    "temporal 128": slice(408, 459),
    "temporal 64": slice(459, 510),
    "temporal 32": slice(510, 561),
    "mid 1": slice(561, 625),
    "mid 2": slice(625, 689),
    "mid 3": slice(689, 753),
}


class Output(NamedTuple):
    pool: Array  # (1506,): the maximum and the mean over time of row 0, then of row 1, ... row 752
    penultimate: Array  # (200,)
    tags: Array  # (50,), each in [0, 1]


def package() -> Path:
    """Folder of the installed musicnn."""
    spec = importlib.util.find_spec("musicnn")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


@cache
def tags(network: str) -> tuple[str, ...]:
    """Read the 50 tags of "msd" or "mtt" from the text of configuration.py, in the order of the outputs."""
    for statement in ast.parse((package() / "configuration.py").read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == f"{network.upper()}_LABELS":
            return tuple(ast.literal_eval(statement.value))
    raise AssertionError(f"configuration.py has no tags of {network}")


# The weights ----------------------------------------------------------------------------------------------------------


def varint(data: bytes, position: int) -> tuple[int, int]:
    """Decode a number in groups of seven bits, lowest first; return it and the position after it."""
    number = shift = 0
    while True:
        byte = data[position]
        number |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return number, position


def block(table: bytes, handle: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a block of a LevelDB table. A key omits the bytes shared with the key before."""
    offset, position = varint(handle, 0)
    size, _ = varint(handle, position)
    assert table[offset + size] == 0, "the block is compressed"
    data = table[offset : offset + size]
    restarts = int.from_bytes(data[-4:], "little")
    position, end, key = 0, size - 4 * (restarts + 1), b""
    while position < end:
        shared, position = varint(data, position)
        unshared, position = varint(data, position)
        length, position = varint(data, position)
        key = key[:shared] + data[position : position + unshared]
        yield key, data[position + unshared : position + unshared + length]
        position += unshared + length


def fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the fields of a protocol buffer: numbers, 32-bit words as bytes, and nested messages as bytes."""
    position = 0
    while position < len(message):
        tag, position = varint(message, position)
        if tag & 7 == 0:
            value, position = varint(message, position)
            yield tag >> 3, value
        else:
            size, position = (4, position) if tag & 7 == 5 else varint(message, position)
            yield tag >> 3, message[position : position + size]
            position += size


@cache
def weights(network: str) -> dict[str, Array]:
    """Read the TensorFlow V2 checkpoint of "msd" or "mtt": variable name -> array in double precision."""
    folder = package() / f"{network.upper()}_musicnn"
    table, raw = (folder / ".index").read_bytes(), (folder / ".data-00000-of-00001").read_bytes()
    footer = table[-48:]
    assert footer[-8:] == bytes.fromhex("57fb808b247547db"), "not a LevelDB table"
    _, position = varint(footer, 0)  # the meta index: its offset
    _, position = varint(footer, position)  # and its size
    arrays = {}
    for _, handle in block(table, footer[position:]):
        for key, value in block(table, handle):
            entry = dict(fields(value))
            if not key or b"Adam" in key or entry[1] != 1:  # the header; the optimizer's state; not float32
                continue
            shape = [dict(fields(size)).get(1, 0) for number, size in fields(entry.get(2, b"")) if number == 2]
            start = entry.get(4, 0)
            tensor = np.frombuffer(raw[start : start + entry[5]], "<f4").reshape(shape)
            arrays[key.decode()] = tensor.astype(np.float64)
    return arrays


# The input ------------------------------------------------------------------------------------------------------------


def power(wave_T: Array) -> Array:
    """Compute mel power (96, N), N = 1 + T // 256, of samples at 16 kHz, before rounding to float16.

    musicnn was trained with librosa 0.7.0, which mirrored the sound at both ends and computed the transform in
    double precision. From version 0.10 on, librosa pads with zeros.
    """
    settings: dict[str, Any] = {"sr": RATE, "n_fft": FRAME, "hop_length": HOP, "n_mels": BANDS, "pad_mode": "reflect"}
    mel_FN: Array = librosa.feature.melspectrogram(y=wave_T.astype(np.float64), **settings)
    return mel_FN


def compress(power_FN: Array) -> Array:
    """Round powers to float16 and compute log10(10000 power + 1).

    The published code multiplies float16 by the integer 10000. numpy 1, used in its training, gives float32. numpy 2
    gives float16, which is infinite from a power of 6.55 on; music often exceeds this value.
    """
    rounded_FN = power_FN.astype(np.float16).astype(np.float32)
    compressed_FN: Array = np.log10(10000 * rounded_FN + 1)
    return compressed_FN


def logmel(wave_T: Array) -> Array:
    """Compute the network's input: (T,) at 16 kHz -> (96, N), N = 1 + T // 256."""
    return compress(power(wave_T))


# The network ----------------------------------------------------------------------------------------------------------


def numbered(name: str, index: int) -> str:
    """TensorFlow's name of layer number `index`, from 0, of its kind."""
    return f"{name}_{index}" if index else name


def normalize(network: str, index: int, x: Array) -> Array:
    """Batch normalization with the statistics of the original training; the last axis is the channel."""
    w = weights(network)
    name = numbered("batch_normalization", index)
    mean, variance = w[f"{name}/moving_mean"], w[f"{name}/moving_variance"]
    return (x - mean) / np.sqrt(variance + EPSILON) * w[f"{name}/gamma"] + w[f"{name}/beta"]


def convolve(network: str, index: int, x_NF: Array, before: int, after: int) -> Array:
    """Convolution number `index` and its rectifier, padded over time only: (N, F) -> (N, F', channels)."""
    w = weights(network)
    name = numbered("conv2d", index)
    kernel = w[f"{name}/kernel"][:, :, 0]  # (time, frequency, channels)
    padded_NF = np.pad(x_NF, ((before, after), (0, 0)))
    x = np.tensordot(sliding_window_view(padded_NF, kernel.shape[:2]), kernel, axes=2) + w[f"{name}/bias"]
    return np.maximum(x, 0)


def dense(network: str, index: int, x: Array) -> Array:
    w = weights(network)
    name = numbered("dense", index)
    return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]


def forward(network: str, patch_FN: Array) -> Output:
    """Compute the outputs of "msd" or "mtt" for one patch (96, N)."""
    x_NF = normalize(network, 0, patch_FN.T.astype(np.float64)[:, :, None])[:, :, 0]
    rows = []
    for index, length in enumerate((7, 7, 128, 64, 32)):
        # TensorFlow's padding "same": an even kernel covers one more frame after the centre than before it.
        before = (length - 1) // 2
        # The maximum is taken after the normalization: with a negative gamma it comes from the lowest activation.
        rows.append(normalize(network, 1 + index, convolve(network, index, x_NF, before, length - 1 - before)).max(1))
    hidden = front = np.concatenate(rows, axis=1)
    rows = [front]
    for index in (5, 6, 7):
        layer = normalize(network, 1 + index, convolve(network, index, hidden, 3, 3))[:, 0]
        hidden = layer if index == 5 else layer + hidden
        rows.append(hidden)
    rows_NR = np.concatenate(rows, axis=1)
    pool = np.stack([rows_NR.max(0), rows_NR.mean(0)], axis=1).reshape(-1)
    penultimate = normalize(network, 10, np.maximum(dense(network, 0, normalize(network, 9, pool)), 0))
    return Output(pool, penultimate, 1 / (1 + np.exp(-dense(network, 1, penultimate))))
