"""Networks in the format of the library transformers: find the folder of one, and read its JSON files, but not its code."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from src.plain_files import first_line

EXTRA = "feature=transformers and predict --tagger need an optional package. Install it with: make extra-transformers"
CONFIG, EXTRACTOR = "config.json", ("preprocessor_config.json", "processor_config.json")
WITH_CODE = (CONFIG, *EXTRACTOR, "tokenizer_config.json")  # files that can name Python code, under the key auto_map
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first is preferred: it cannot contain code
PATTERNS = ("*.safetensors", "pytorch_model*.bin")  # of the files of weights; the first is preferred
TIMEOUT_SECONDS = 30.0  # for the first answer of the hub
MAX_BYTES = 5_000_000  # of a JSON file; those that are read have some kilobytes
LOWEST_HZ, HIGHEST_HZ = 1_000, 384_000


class NetworkError(ValueError):
    """A network is missing, is not what was expected, or may not be loaded."""


@contextmanager
def naming(folder: Path) -> Iterator[None]:
    """Name a run directory in the errors of its network, also in those that Hydra puts into its own."""
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, NetworkError):
            cause = cause.__cause__
        if cause is None:
            raise
        raise NetworkError(f"{folder}: {cause}") from error


def find(name: str, with_code: bool = False) -> Path:
    """Find the folder of a network: the folder `name`, or the cached or downloaded network of this id, OWNER/NETWORK.

    Given a folder, nothing uses the internet. An id is looked up in the cache of the library huggingface_hub, and only
    downloaded if it is not complete there; its Python files only `with_code`. Raises NetworkError if there is no such
    network, or if it cannot be downloaded.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / CONFIG).is_file():
            raise NetworkError(
                f"The network {name} is a folder without {CONFIG}: expected one that the library transformers can load, "
                f"with {CONFIG}, {EXTRACTOR[0]} and {WEIGHTS[0]}."
            )
        return folder
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", name):
        raise NetworkError(
            f"The network {name} is no folder here: expected the folder of a network, or the id of one on the Hugging "
            "Face Hub, such as laion/larger_clap_music."
        )
    return _cached(name, with_code) or _download(name, with_code)


def _cached(name: str, with_code: bool) -> Path | None:
    """Find a network in the cache; None if it is not complete there."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ImportError as error:
        raise NetworkError(EXTRA) from error
    for kind in PATTERNS:
        try:
            folder = Path(snapshot_download(name, allow_patterns=_patterns(kind, with_code), local_files_only=True))
            weights(folder)
            sample_rate_in(folder)
        except (LocalEntryNotFoundError, NetworkError):
            continue
        if not with_code or any(folder.glob("*.py")) or "auto_map" not in _keys(read(folder, CONFIG)):
            return folder
    return None


def _download(name: str, with_code: bool) -> Path:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        files = [file.rfilename for file in HfApi().model_info(name, timeout=TIMEOUT_SECONDS).siblings or []]
        kind = PATTERNS[not any(file.endswith(".safetensors") for file in files)]
        return Path(snapshot_download(name, allow_patterns=_patterns(kind, with_code)))
    except RepositoryNotFoundError as error:
        raise NetworkError(
            f"The network {name} is no folder here, and the Hugging Face Hub has none of this name. Check the name."
        ) from error
    except Exception as error:  # errors of the connection have no common base class
        raise NetworkError(
            f"The network {name} is no folder here, it is not in the cache of the Hugging Face Hub, and it cannot be "
            f"downloaded ({first_line(error)}). Give the folder of a network, or try again with a connection."
        ) from error


def _patterns(weights: str, with_code: bool) -> list[str]:
    """The files of a network that are needed: its weights, settings and texts; its Python files only `with_code`."""
    return [weights, "*.json", "*.txt", *(["*.py"] if with_code else [])]


def weights(folder: Path) -> list[Path]:
    """List the files of a network's weights: those in safetensors, else pickled ones. Raises NetworkError if any is missing."""
    for name in WEIGHTS:
        if (folder / name).is_file():
            return [folder / name]
        index = f"{name}.index.json"
        if (folder / index).is_file():
            shards = read(folder, index).get("weight_map")
            names = sorted({str(shard) for shard in shards.values()}) if isinstance(shards, dict) else []
            missing = [shard for shard in names if Path(shard).name != shard or not (folder / shard).is_file()]
            if missing or not names:
                raise NetworkError(
                    f"{folder / index} names files that are missing: {', '.join(missing) or 'none at all'}."
                )
            return [folder / shard for shard in names]
    raise NetworkError(f"{folder} has no weights: expected {' or '.join(WEIGHTS)}.")


def sample_rate(name: str) -> int:
    """The sample rate of a network in Hz, from its own settings. Raises NetworkError if it has none."""
    return sample_rate_in(find(name))


def sample_rate_in(folder: Path) -> int:
    """The sample rate of the network in a folder, in Hz. Raises NetworkError if it has none."""
    files = [file for file in EXTRACTOR if (folder / file).is_file()]
    for file in files:
        content = read(folder, file)
        part = content.get("feature_extractor")
        rate = (part if isinstance(part, dict) else content).get("sampling_rate")
        if isinstance(rate, int) and LOWEST_HZ <= rate <= HIGHEST_HZ:
            return rate
    raise NetworkError(
        f"{folder} has no sampling_rate from {LOWEST_HZ:,} to {HIGHEST_HZ:,} in {' or '.join(files or EXTRACTOR)}: expected a "
        "network that reads sound."
    )


def digest(folder: Path) -> str:
    """SHA-256 of the files of a network that decide its embeddings, 64 hexadecimal digits."""
    total = hashlib.sha256()
    for path in (
        folder / CONFIG,
        *(folder / file for file in EXTRACTOR if (folder / file).is_file()),
        *weights(folder),
    ):
        with open(path, "rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def refuse_code(name: str, folder: Path) -> None:
    """Raise NetworkError if the files of a network name Python code of its own (auto_map), which loading would run."""
    for file in WITH_CODE:
        if (folder / file).is_file() and "auto_map" in _keys(read(folder, file)):
            raise NetworkError(
                f"The network {name} has Python code of its own (auto_map in {file}), which would run here. Nothing of it was "
                "loaded. If you trust its authors, add feature.trust_remote_code=true to the command line."
            )


def read(folder: Path, file: str) -> dict[str, Any]:
    """Read a JSON file of a network. Raises NetworkError, which names it, if it is missing, too large or no JSON object."""
    path = folder / file
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            raise ValueError("missing, or larger than 5 MB")
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict):
            raise ValueError("no JSON object")
    except (ValueError, RecursionError, OSError) as error:
        raise NetworkError(f"{path} cannot be read ({first_line(error)}). Download the network again.") from error
    return content


def check(config: DictConfig) -> None:
    """Check that the network of feature=transformers can be found, so that its sample rate can be read.

    OmegaConf would put the error into a longer one. Raises NetworkError if `feature.name` is missing or names no network.
    """
    if OmegaConf.is_missing(config, "name"):
        raise NetworkError(
            "feature.name is missing: set it to the folder of a network, or to its id on the Hugging Face Hub: feature.name=DIR."
        )
    if OmegaConf.is_interpolation(config, "sample_rate"):
        sample_rate(config.name)


def _keys(node: Any) -> Iterator[str]:
    """Yield all keys of a JSON value, at any depth."""
    if isinstance(node, Mapping):
        yield from map(str, node)
        for value in node.values():
            yield from _keys(value)
    elif isinstance(node, list):
        for value in node:
            yield from _keys(value)


OmegaConf.register_new_resolver("network_rate", sample_rate, replace=True)
