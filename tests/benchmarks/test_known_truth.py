"""benchmarks.known_truth: two genres that share everything but the times of the drum strokes."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import known_truth
from src.dataset import Manifest
from src.dataset.composer.drums import DRUMS
from src.dataset.composer.render import SAMPLE_RATE
from src.metrics.intervals import wilson

ARTISTS, TRACKS, SECONDS = 12, 2, 4.0


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("truth")
    arguments = {"--artists": ARTISTS, "--tracks": TRACKS, "--seconds": SECONDS}
    assert known_truth.main([str(folder), *(str(part) for item in arguments.items() for part in item)]) == 0
    return folder


def rows(corpus: Path, kind: str) -> list[dict[str, str]]:
    with (corpus / known_truth.FOLDERS[kind]).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def waves(corpus: Path, kind: str, genre: str) -> list[NDArray[np.float64]]:
    """The waves (T,) of a genre's clips or stems in [-1, 1], in the order of the manifest: pair by pair."""
    return [soundfile.read(corpus / row["path"])[0] for row in rows(corpus, kind) if row["genre"] == genre]


def level_db(wave_T: NDArray[np.float64]) -> float:
    return float(10 * np.log10(np.mean(wave_T**2)))


def third_octaves_db(wave_T: NDArray[np.float64]) -> NDArray[np.float64]:
    """Levels (B,) of the third-octave bands from 50 Hz to 8 kHz, re the level of the wave."""
    power_F = np.abs(np.fft.rfft(wave_T)) ** 2
    hz_F = np.arange(len(power_F)) * SAMPLE_RATE / len(wave_T)
    centres = 1000 * 2 ** (np.arange(-13, 10) / 3)
    power_B = [power_F[(hz_F >= hz * 2 ** (-1 / 6)) & (hz_F < hz * 2 ** (1 / 6))].sum() for hz in centres]
    return 10 * np.log10(np.array(power_B) / power_F.sum() + 1e-9)


def test_every_artist_plays_both_genres_equally_often(corpus: Path) -> None:
    clips = Manifest(str(corpus / "manifest.csv")).corpus().clips
    assert len(clips) == 2 * ARTISTS * TRACKS
    counts = Counter((clip.artist, clip.genre) for clip in clips)
    assert len(counts) == 2 * ARTISTS
    assert set(counts.values()) == {TRACKS}
    assert len({clip.track for clip in clips if clip.artist == clips[0].artist}) == 2 * TRACKS


def test_drums_and_rest_sum_to_the_clip_exactly(corpus: Path) -> None:
    for row in rows(corpus, "mix"):
        mix_T, drums_T, rest_T = (
            soundfile.read(corpus / row["path"].replace("mix/", f"{kind}/"), dtype="int16")[0].astype(int)
            for kind in known_truth.FOLDERS
        )
        np.testing.assert_array_equal(mix_T, drums_T + rest_T)
        assert np.abs(mix_T).max() < 32_767  # nothing is clipped


@pytest.mark.parametrize("genres", known_truth.PAIRS.values(), ids=known_truth.PAIRS)
def test_both_grooves_have_the_same_strokes_and_the_same_of_them_together(genres: tuple[str, str]) -> None:
    def together(genre: str) -> Counter[str]:
        """How often each set of marks, e.g. kick x with hat x, stands on one step."""
        return Counter("".join(marks) for marks in zip(*known_truth.GROOVES[genre].values(), strict=True))

    first, second = genres
    assert together(first) == together(second)
    assert known_truth.GROOVES[first] != known_truth.GROOVES[second]
    for lines in known_truth.GROOVES.values():
        assert all(len(line) == known_truth.BEATS * known_truth.STEPS for line in lines.values())


def test_both_clips_of_a_pair_have_the_same_length_and_level(corpus: Path) -> None:
    for kind, tolerance_db in (("drums", 0.01), ("rest", 0.02), ("mix", 0.5)):
        pairs = list(zip(waves(corpus, kind, "straight"), waves(corpus, kind, "broken"), strict=True))
        assert all(len(a) == len(b) for a, b in pairs)
        differences = [level_db(b) - level_db(a) for a, b in pairs]
        assert max(map(abs, differences)) < tolerance_db, kind
        assert abs(np.mean(differences)) < 0.1


def test_the_drums_can_be_quieter_than_the_rest() -> None:
    for stems in known_truth.pair(0, 1, 0, 1.0, drums_db=-10.0).values():
        drums_db, rest_db = (level_db(wave_T.astype(float)) for wave_T in stems)
        assert drums_db - rest_db == pytest.approx(-10, abs=0.1)


def test_a_clip_has_whole_bars_of_strokes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The notes that the synthesizer gets: the same of each drum in both genres, and none within 1 ms of the edges."""
    played: list[list[known_truth.Sound]] = []
    render = known_truth.render

    def record(instrument: str, sounds: list[known_truth.Sound], length: int) -> NDArray[np.float64]:
        if instrument.endswith(" kit"):
            played.append([sound for sound in sounds if 0 <= sound.start < length / SAMPLE_RATE])
        return render(instrument, sounds, length)

    monkeypatch.setattr(known_truth, "render", record)
    for number in range(6):
        known_truth.pair(3, number, 0, SECONDS)
    for straight, broken in zip(played[::2], played[1::2], strict=True):
        assert Counter(sound.pitch for sound in straight) == Counter(sound.pitch for sound in broken)
        assert len(straight) % 14 == 0
        assert Counter(sound.pitch for sound in straight)[DRUMS["snare"]] * 7 == len(straight)


def test_the_times_of_the_strokes_tell_the_genre(corpus: Path) -> None:
    """A broken groove has gaps of four sixteenths, a straight one of two: so its longest gap is long for its typical one."""

    def longest_gap(drums_T: NDArray[np.float64]) -> float:
        """The longest time between two rises of the envelope by 2 dB within 10 ms, as a multiple of the median."""
        envelope_N = np.abs(drums_T[: len(drums_T) // 220 * 220]).reshape(-1, 220).max(axis=1)
        onset_N = np.flatnonzero(np.diff(np.log10(envelope_N + 1e-3)) > 0.1)
        gap_N = np.diff(onset_N)
        return float(gap_N.max() / np.median(gap_N[gap_N > 5]))

    straight, broken = (
        [longest_gap(wave_T) for wave_T in waves(corpus, "drums", genre)] for genre in known_truth.PAIRS["places"]
    )
    assert np.mean(np.array(straight)[:, None] < np.array(broken)) > 0.8  # 0.5 if they were alike


@pytest.mark.parametrize("kind", ["rest", "mix"])
def test_the_long_term_spectrum_tells_no_genre(corpus: Path, kind: str) -> None:
    """By a linear classifier on third octaves and level, tested on other artists. For the rest, this is all but rhythm."""
    table = rows(corpus, kind)
    features_KB = [[*third_octaves_db(w), level_db(w)] for w in (soundfile.read(corpus / r["path"])[0] for r in table)]
    genre_K, artist_K = [row["genre"] for row in table], [row["artist"] for row in table]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=5000))
    predicted_K = cross_val_predict(model, np.array(features_KB), genre_K, groups=artist_K, cv=GroupKFold(6))
    low, high = wilson(int((predicted_K == np.array(genre_K)).sum()), len(genre_K))
    assert low < 0.5 < high


def test_the_drums_have_the_same_long_term_spectrum(corpus: Path) -> None:
    straight_KB, broken_KB = (
        np.array([third_octaves_db(wave_T) for wave_T in waves(corpus, "drums", genre)])
        for genre in known_truth.PAIRS["places"]
    )
    assert np.abs((broken_KB - straight_KB).mean(axis=0)).max() < 0.5


def test_the_same_seed_gives_the_same_clips() -> None:
    first, again, other = (known_truth.pair(seed, 1, 0, 1.0)["broken"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.drums_T, again.drums_T)
    np.testing.assert_array_equal(first.rest_T, again.rest_T)
    assert not np.array_equal(first.drums_T[:1000], other.drums_T[:1000])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--artists", "0"), "--artists is 0: expected 1 to 366."),
        (("--tracks", "26"), "--tracks is 26: expected 1 to 25."),
        (("--seconds", "nan"), "--seconds is nan: expected 1 to 120."),
    ],
)
def test_bad_options_get_one_message(
    option: tuple[str, str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        known_truth.main([str(tmp_path / "new"), *option])
    assert message in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_a_file_gets_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit):
        known_truth.main([str(tmp_path / "file"), "--artists", "1", "--tracks", "1", "--seconds", "1"])
    assert f"DIR is {tmp_path / 'file'}, which is a file: name a folder." in capsys.readouterr().err
