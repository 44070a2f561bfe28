"""List the parts of a cache folder, and delete those that no run needs. The program is `src.cache`."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock
import torch

from src import formatting, plain_files
from src.audio.ffmpeg import has_ffmpeg
from src.config import without_paths
from src.data import feature_cache, waveform_cache
from src.data.store import ABOUT, Store
from src.dataset.synth import Synth
from src.rundir import RunDir

DTYPES = {"sound": torch.int16, "feature": torch.float32, "statistics": torch.float64}
EARLIER_VERSION = "an earlier version made it"


@dataclass
class Needs:
    """Settings that runs use: sample rates, features (their settings as JSON) and rendered corpora (the names of their folders)."""

    sample_rates: set[int] = field(default_factory=set)
    features: set[str] = field(default_factory=set)
    corpora: set[str] = field(default_factory=set)  # names of folders
    unread: list[str] = field(default_factory=list)  # runs whose settings cannot be read, each with the reason


@dataclass
class Part:
    """A part of a cache: a store, a rendered corpus or another file.

    `unneeded` is the reason why no run needs it, or None. If a run does, `unneeded_keys` are those arrays of the store that it
    cannot need, because their files are gone or have changed.
    """

    path: Path
    content: str
    size_bytes: int
    clips: int | None = None
    unneeded: str | None = None
    unneeded_keys: list[str] = field(default_factory=list)
    unneeded_bytes: int = 0
    store: Store | None = None


def needs_of(runs: Sequence[RunDir]) -> Needs:
    """Collect what runs need, from their config.yaml."""
    needs = Needs()
    for run in runs:
        try:
            config = run.config
            needs.sample_rates.add(int(config["audio"]["sample_rate"]))
            needs.features.add(_as_json(without_paths(config["feature"])))
            dataset = {key: value for key, value in config["dataset"].items() if key != "_target_"}
            if str(config["dataset"]["_target_"]).endswith(".Synth"):
                needs.corpora.add(Synth(**dataset).folder.name)
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            needs.unread.append(f"{run.path}: {plain_files.first_line(error)}")
    return needs


def parts(cache: Path, needs: Needs) -> list[Part]:
    """List the parts of a cache folder, sound first, since what is stored of a clip is needed only while its sound is."""
    found: list[Part] = []
    sounds: set[str] = set()
    for path in sorted(cache.iterdir(), key=lambda path: (not path.name.startswith("sound-"), path.name)):
        if path.suffix == ".lock":
            continue
        if path.is_dir() and (path / ABOUT).is_file():
            part = _store_part(path, needs, sounds)
        elif path.is_dir() and re.fullmatch(r"synth-[0-9a-f]{8}", path.name):
            part = Part(path, "the synthetic corpus, rendered", _size(path), sum(1 for _ in path.rglob("*.flac")))
            if path.name not in needs.corpora:
                part.unneeded = "no run has these settings"
        elif path.is_dir() and re.fullmatch(r"(wave|feature)-[0-9a-f]{12}", path.name):
            part = Part(path, path.name.partition("-")[0], _size(path), unneeded=EARLIER_VERSION)
        elif path.name == "measures.sqlite":
            part = Part(path, "measures of audits", path.stat().st_size)
        else:
            part = Part(path, "not of this project", _size(path))
        found.append(part)
    return found


def prune(found: Sequence[Part]) -> Iterator[tuple[Part, bool]]:
    """Delete what no run needs -> each part of which something is unneeded, and whether it could be deleted.

    It stays if another process is using it.
    """
    for part in found:
        if not part.unneeded and not part.unneeded_keys:
            continue
        if part.store is None:  # a corpus that is being rendered has this lock
            try:
                with filelock.FileLock(f"{part.path}.lock", timeout=0):
                    shutil.rmtree(part.path)
                yield part, True
            except filelock.Timeout:
                yield part, False
            continue
        with part.store.alone() as alone:
            if alone and part.unneeded:
                shutil.rmtree(part.path)
            elif alone:
                part.store.delete(part.unneeded_keys)
        yield part, alone


def _store_part(path: Path, needs: Needs, sounds: set[str]) -> Part:
    """Describe a store. One of sound adds the digests of needed clips to `sounds`; the others read them from there."""
    try:
        about = plain_files.json_object(path, ABOUT, advice="Delete the folder.")
        store = Store(path, DTYPES[about["kind"]], about)
        unneeded, content = _unneeded(about, needs), _content(about)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Part(path, "damaged", _size(path), unneeded=f"damaged ({plain_files.first_line(error)})")
    part = Part(path, content, _size(path), unneeded=unneeded, clips=0, store=store)
    for entry in store.entries():
        part.clips = (part.clips or 0) + 1
        if about["kind"] == "sound":
            detail = json.loads(entry.detail)
            needed = _is_there(Path(detail["path"]), detail["stamp"])
            if needed and not unneeded:
                sounds.add(detail["digest"])
        else:
            needed = entry.key in sounds
        if not needed:
            part.unneeded_keys.append(entry.key)
            part.unneeded_bytes += entry.items * store.dtype.itemsize
    return part


def _is_there(path: Path, stamp: Sequence[int]) -> bool:
    """True if a file is unchanged, or if that cannot be known: its folder may be on a disk that is away now."""
    try:
        return not path.parent.is_dir() or list(plain_files.stamp(path) or ()) == list(stamp)
    except OSError:
        return True


def _unneeded(about: Mapping[str, Any], needs: Needs) -> str | None:
    """The reason why no run needs a store, or None."""
    if about["kind"] == "sound":
        if about["code"] != waveform_cache.decoding_code():
            return EARLIER_VERSION
        if about["ffmpeg"] != has_ffmpeg():
            return "decoded with FFmpeg, which is not installed now" if about["ffmpeg"] else "decoded without FFmpeg"
        if about["sample_rate"] not in needs.sample_rates:
            return "no run has this sample rate"
        return None
    try:
        code = feature_cache.describe(about["kind"], about["feature"])["code"]
    except LookupError:  # a class that has another name now
        return EARLIER_VERSION
    if about["code"] != code:
        return EARLIER_VERSION
    return None if _as_json(about["feature"]) in needs.features else "no run has these settings"


def _content(about: Mapping[str, Any]) -> str:
    if about["kind"] == "sound":
        return f"sound at {about['sample_rate']:,} Hz"
    name = str(about["feature"].get("_target_", "")).rpartition(".")[2].lower()
    kind = "statistics of " if about["kind"] == "statistics" else ""
    return f"{kind}feature {name}, {formatting.count(about['segments'], 'segment')} a clip"


def _as_json(settings: Any) -> str:
    return json.dumps(settings, sort_keys=True, default=str)


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
