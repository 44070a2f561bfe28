"""Measure a run on altered clips. Each result is stored as soon as it is there, so an interrupted measurement goes on later."""

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from src import console, plain_files
from src.audio.reader import AudioError
from src.clip import Clip
from src.data.store import ABOUT, Store
from src.data.waveform_cache import decoding_code
from src.plain_files import TEXT, stamp
from src.rundir import code_digest
from src.sensitivity.conditions import Condition
from src.sensitivity.subject import DecodedSound, Subject
from src.threads import compute_in_order

PARTS = "parts"  # folder of the results of single clips
SEED = 0

Compute = Callable[[DecodedSound, Condition], Tensor]


class Results(NamedTuple):
    """Values (K, ...) of K clips for each condition; clips without sound and conditions that failed, with the reason."""

    clips: list[Clip]
    values: dict[Condition, Tensor]
    unreadable: dict[str, str]
    failed: dict[Condition, str]


class Parts:
    """The stored results of a measurement in a folder.

    Raises ValueError if the folder has results of another run, or something else.
    """

    def __init__(self, folder: Path, subject: Subject) -> None:
        path = folder / PARTS
        about = {"kind": "robustness", "run": str(subject.run.path), "checkpoint": subject.identity}
        if (path / ABOUT).exists():
            before = plain_files.json_object(path, ABOUT, advice=f"Delete {folder}.")
            if before.get("checkpoint") != subject.identity:
                raise ValueError(
                    f"{folder} has the results of another run, {plain_files.shown(before.get('run'))}. Choose another "
                    "--output FOLDER, or delete it."
                )
        elif folder.is_dir() and any(not file.name.startswith(".") for file in folder.iterdir()):
            raise ValueError(f"--output {folder} exists and is no measurement. Name a new folder.")
        self.store = Store(path, torch.float32, about)
        self.code = decoding_code() + code_digest.digest(
            code_digest.digests_with_imports("src.sensitivity.conditions", "src.sensitivity.subject")
        )

    def key(self, kind: str, clip: Clip, condition: Condition) -> str:
        """The key of a result: of the clip's file as it is, of the condition, and of the code."""
        part = [clip.start_seconds, clip.stop_seconds]
        content = json.dumps([kind, clip.name, str(stamp(clip.path)), part, condition.key, self.code])
        return hashlib.sha256(content.encode()).hexdigest()[:24]

    def read(self, keys: Sequence[str]) -> dict[str, Tensor]:
        """The stored values of some keys, flat."""
        return {
            entry.key: self.store.map(entry.piece, entry.start + entry.items)[entry.start :].clone()
            for entry in self.store.find(keys)
            if entry.items
        }


def measure(
    subject: Subject,
    parts: Parts,
    kind: str,
    clips: Sequence[Clip],
    conditions: Sequence[Condition],
    compute: Compute,
    description: str,
) -> Results:
    """Compute values of altered clips, `compute(decoded clip, condition)`, or read those that were computed before.

    `kind` names the values in the store. The altered sound of a clip depends on its name and the condition only. Of a
    condition that the model refuses, such as segments of a length that it cannot use, or for which a clip is too short, the
    reason is returned.
    """
    keys = {(clip.name, c): parts.key(kind, clip, c) for clip in clips for c in conditions}
    known = parts.read(list(keys.values()))
    missing = {clip.name: [c for c in conditions if keys[clip.name, c] not in known] for clip in clips}
    pending = [clip for clip in clips if missing[clip.name]]
    unreadable: dict[str, str] = {}
    failed: dict[Condition, str] = {}

    def work(clip: Clip) -> dict[Condition, Tensor] | str:
        try:
            sound = subject.decode(clip)
        except (AudioError, OSError) as error:
            return plain_files.first_line(error)
        values = {}
        for condition in missing[clip.name]:
            if condition in failed:
                continue
            seconds, crop_seconds = len(sound.wave) / sound.rate, subject.data.crop_length / subject.sample_rate
            if problem := condition.problem(seconds, crop_seconds):
                failed[condition] = f"{problem}. The clip is {clip.name}"
                continue
            altered_T = condition.apply(sound.wave, sound.rate, generator(clip, condition))
            try:
                values[condition] = compute(DecodedSound(altered_T, sound.rate), condition)
            except (RuntimeError, ValueError) as error:
                if condition.segment_factor == 1.0:
                    raise
                failed[condition] = f"the model refuses segments of this length: {plain_files.first_line(error)}"
        return values

    if pending:
        if len(pending) < len(clips):
            console.note(f"{len(clips) - len(pending)} of {len(clips)} clips were measured before.")
        with parts.store.appending() as appender, closing(compute_in_order(work, pending)) as computed:
            for clip, values in zip(pending, console.track(computed, description, len(pending)), strict=True):
                if isinstance(values, str):
                    unreadable[clip.name] = values
                    continue
                for condition, value in values.items():
                    key = keys[clip.name, condition]
                    known[key] = value.flatten()
                    appender.append(key, value.contiguous().numpy().astype(np.float32).tobytes(), condition.key)
    measured = [clip for clip in clips if clip.name not in unreadable]
    done = [condition for condition in conditions if condition not in failed]
    values = {c: torch.stack([known[keys[clip.name, c]] for clip in measured]) for c in done} if measured else {}
    return Results(measured, values, unreadable, failed)


def generator(clip: Clip, condition: Condition) -> np.random.Generator:
    """The generator of a clip's noise: the same for all strengths, so that these are compared on the same noise."""
    names = (clip.name.encode(**TEXT), condition.name.encode())
    return np.random.default_rng([SEED, *map(zlib.crc32, names)])


def reasons(failed: Mapping[Condition, str]) -> list[dict[str, object]]:
    """Conditions that were not measured, for robustness.json."""
    return [{"name": c.name, "strength": c.strength, "reason": reason} for c, reason in failed.items()]
