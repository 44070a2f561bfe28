"""Excerpts of the nearest training clips, to listen to."""

from collections.abc import Collection
from typing import Any

from src import plain_files
from src.audio.decoders import encode_ogg
from src.audio.reader import AudioError
from src.explanation.training_clips import TrainingClips
from src.training import sounds


def encode(
    neighbours: dict[str, Any], training: TrainingClips, folder: str, known: Collection[str]
) -> dict[str, bytes]:
    """Encode the middle 10 s of each of the neighbours that `words.add` found -> their files by path, without the `known` ones.

    Each neighbour gets `sound`, the path of its file, or `no_sound`, the reason why there is none.
    """
    files: dict[str, bytes] = {}
    by_name = {clip.name: (number, clip) for number, clip in enumerate(training.clips)}
    for each in neighbours.get("clips", []):
        number, clip = by_name[each["clip"]]
        path = f"{folder}/training_{number:05d}.ogg"
        if path not in known and path not in files:
            try:
                wave_T, _ = sounds.excerpt(clip, training.max_seconds)
            except (AudioError, OSError) as error:
                each["no_sound"] = plain_files.first_line(error)
                continue
            files[path] = encode_ogg(wave_T, sounds.RATE)
        each["sound"] = path
    return files
