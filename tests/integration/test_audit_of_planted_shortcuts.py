"""The audit finds a weak tone and a low pass in the training clips of one genre, and nothing in the same corpus without them."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from benchmarks import known_truth, planted
from src.clip import Corpus
from src.dataset import Manifest
from src.quality import inspection
from src.quality.measures import measure
from src.reporting import audit_page
from src.split import Holdout

SPLIT = Holdout(0.2, 0.2, 0, grouped=True, allow_leak=False)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Ten artists who play two genres: 40 clips of about 6 s."""
    folder = tmp_path_factory.mktemp("truth")
    for _ in known_truth.write(folder, seed=0, artists=10, tracks=2, seconds=6.0):
        pass
    return Manifest(str(folder / "manifest.csv")).corpus()


def audited(corpus: Corpus) -> dict[str, Any]:
    return inspection.inspect(corpus, [measure(clip, None) for clip in corpus.clips], SPLIT, crop_seconds=3.0)


def with_shortcut(corpus: Corpus, folder: Path, alter: Any) -> Corpus:
    clips = planted.with_sets(corpus.clips)
    for _ in planted.plant(clips, folder, alter, "broken"):
        pass
    return Manifest(str(folder / "manifest.csv")).corpus()


def test_the_corpus_itself_has_no_finding(corpus: Corpus) -> None:
    content = audited(corpus)
    assert audit_page.findings(content) == []
    assert content["shortcut"]["marks"] == []
    low, high = content["spectrum"]["accuracy_interval"]
    assert low < 0.5 < high


def test_a_planted_tone_is_found_with_frequency_genre_and_clips(corpus: Corpus, tmp_path: Path) -> None:
    content = audited(with_shortcut(corpus, tmp_path, partial(planted.tone, level_db=-36)))
    (mark,) = content["shortcut"]["marks"]
    assert (mark["kind"], mark["genre"]) == ("peak", "broken")
    assert mark["hz"] == pytest.approx(planted.TONE_HZ, abs=2)
    assert 8 <= mark["clips"] <= 12  # 12 of the 20 clips have it, some of which are loud at 9 kHz themselves
    assert (mark["genre_clips"], mark["other_clips"], mark["others"]) == (20, 0, 20)
    (finding,) = [text for text in audit_page.findings(content) if "steady tone" in text]
    assert finding.startswith(f"A shortcut: {mark['clips']} of 20 clips of broken have a steady tone at 9,000 Hz")
    assert "Marks of a genre" in audit_page.html(content, {}, "audit")


def test_a_planted_low_pass_is_found(corpus: Corpus, tmp_path: Path) -> None:
    content = audited(with_shortcut(corpus, tmp_path, planted.low_pass))
    (mark,) = content["shortcut"]["marks"]
    assert (mark["kind"], mark["genre"], mark["clips"], mark["other_clips"]) == ("limit", "broken", 12, 0)
    assert mark["hz"] == pytest.approx(planted.LOW_PASS_HZ, rel=0.15)


def test_a_held_note_in_one_clip_is_no_finding(corpus: Corpus, tmp_path: Path) -> None:
    """An organ that holds a chord for the whole clip, in one clip: steady peaks of this clip, but no mark of its genre."""
    first, *others = corpus.clips
    time_T = np.arange(6 * planted.RATE) / planted.RATE
    organ_T = sum(0.1 / k * np.sin(2 * np.pi * k * hz * time_T) for hz in (220.0, 277.2, 329.6) for k in range(1, 5))
    soundfile.write(tmp_path / "organ.flac", np.asarray(organ_T) / 2, planted.RATE)
    clip = type(first)(first.name, tmp_path / "organ.flac", first.genre, first.artist, first.track)
    content = audited(Corpus("organ", [clip, *others]))
    assert len(content["measures"]["steady_hz"][0]) >= 3
    assert content["shortcut"]["marks"] == []
