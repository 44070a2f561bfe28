"""dataset=synth: the same bytes from the same seed, no incomplete genre in the cache, and music typical of its genres."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from src.clip import Corpus
from src.dataset import synth
from src.dataset.composer.arrangement import Part, arrange
from src.dataset.composer.artist import draw_artist, stream
from src.dataset.composer.harmony import progression, voicing
from src.dataset.composer.song import SECTIONS, Song, plan
from src.dataset.composer.style import GENRES
from src.dataset.composer.workers import Job, render
from src.dataset.synth import Synth

ROOT = Path(__file__).parents[2]
SMALL = {"seed": 3, "artists": 2, "tracks": 1, "clip_seconds": 2.0}


def small(cache: Path, **changes: object) -> Synth:
    return Synth(str(cache), **{**SMALL, **changes})  # type: ignore[arg-type]


def content(corpus: Corpus) -> dict[str, bytes]:
    return {clip.name: clip.path.read_bytes() for clip in corpus.clips}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return small(tmp_path_factory.mktemp("cache")).corpus()


def test_clips_have_unique_names_and_tracks_and_an_artist_of_one_genre(corpus: Corpus) -> None:
    assert corpus.synthetic
    assert corpus.name == "synth"
    assert corpus.genres == sorted(GENRES)
    assert len(corpus.clips) == 10 * 2 * 1
    names = {clip.name for clip in corpus.clips}
    assert len(names) == len(corpus.clips)
    assert all(name.isascii() and " " not in name for name in names)
    assert len({clip.track for clip in corpus.clips}) == len(corpus.clips)
    # No artist plays in two genres, so each artist group of a split has one genre.
    assert (
        len({clip.artist for clip in corpus.clips}) == len({(clip.artist, clip.genre) for clip in corpus.clips}) == 20
    )


def test_every_clip_is_two_seconds_of_sound(corpus: Corpus) -> None:
    for clip in corpus.clips:
        info = soundfile.info(clip.path)
        assert (info.format, info.subtype, info.samplerate, info.channels) == ("FLAC", "PCM_16", 22_050, 1)
        wave, _ = soundfile.read(clip.path, dtype="int16")
        assert len(wave) == 2 * 22_050
        assert np.abs(wave).max() < 32_767, f"{clip.name} clips"
        level_db = 20 * np.log10(np.sqrt(np.mean((wave / 32_768) ** 2)))
        assert -30 < level_db < -10, f"{clip.name}: {level_db:.1f} dB"


def test_the_same_seed_gives_the_same_bytes_for_any_choice_of_genres(corpus: Corpus, tmp_path: Path) -> None:
    part = content(small(tmp_path, genres=["reggae", "jazz"]).corpus())
    assert len(part) == 4
    whole = content(corpus)
    assert part == {name: whole[name] for name in part}


def test_another_seed_gives_another_corpus(corpus: Corpus, tmp_path: Path) -> None:
    other = content(small(tmp_path, genres=["jazz"], seed=4).corpus())
    assert not set(other.values()) & set(content(corpus).values())


def test_a_second_call_renders_nothing(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(jobs: Sequence[Job]) -> Iterator[Job]:
        raise AssertionError("rendered again")

    monkeypatch.setattr(synth, "render", refuse)
    cache = corpus.clips[0].path.parents[2]
    before = {clip.path: clip.path.stat().st_mtime_ns for clip in corpus.clips}
    again = small(cache).corpus()
    assert {clip.path: clip.path.stat().st_mtime_ns for clip in again.clips} == before


def test_an_interrupted_rendering_leaves_no_incomplete_genre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(jobs: Sequence[Job]) -> Iterator[Job]:
        for job in render(jobs):
            yield job
            raise KeyboardInterrupt

    monkeypatch.setattr(synth, "render", interrupted)
    data = small(tmp_path, genres=["rock"])
    with pytest.raises(KeyboardInterrupt):
        data.corpus()
    assert not (data.folder / "rock").exists()
    (data.folder / "rock.partial" / "stale.flac").write_bytes(b"half")
    monkeypatch.undo()
    clips = data.corpus().clips
    assert sorted(path.name for path in (data.folder / "rock").iterdir()) == sorted(clip.path.name for clip in clips)
    assert [path.name for path in data.folder.iterdir()] == ["rock"]


def test_two_processes_at_once_both_get_all_clips(tmp_path: Path) -> None:
    code = (
        "from src.dataset.synth import Synth; "
        f"clips = Synth({str(tmp_path)!r}, 3, 2, 1, 2.0, ['disco', 'pop']).corpus().clips; "
        "print(sum(clip.path.stat().st_size > 1000 for clip in clips))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [out.strip() for out, _ in outputs] == ["4", "4"], outputs
    # One process rendered, with one line of progress; the other found the clips in the cache.
    assert sorted(len(error.strip().splitlines()) for _, error in outputs) == [0, 1], outputs


def test_importing_is_cheap() -> None:
    code = (
        "import sys, src.dataset.synth; print([m for m in ('torch', 'scipy', 'symusic', 'rich') if m in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"artists": 0}, "dataset.artists is 0: expected a whole number, 1 or more"),
        ({"tracks": 10_000}, "dataset.tracks is 10000: expected 5. or less"),
        ({"seed": -1}, "dataset.seed is -1"),
        ({"seed": 1.5}, "dataset.seed is 1.5: expected a whole number"),
        ({"clip_seconds": float("nan")}, "dataset.clip_seconds is nan"),
        ({"genres": ["jaz"]}, "dataset.genres is .*jaz.*: expected null"),
        ({"genres": []}, "dataset.genres is .*: expected null"),
    ],
)
def test_errors_name_the_setting(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(tmp_path, **changes)


def test_missing_soundfont_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"TimGM6mb\.sf2.*Reinstall"):
        small(tmp_path)


def test_unwritable_cache_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match=r"cannot cache its clips.*data\.cache="):
        small(tmp_path / "file").corpus()


# Musical rules, tested on the notes


def played(genre: str, tracks: int = 12) -> Iterator[tuple[Song, dict[str, Part]]]:
    """Whole songs of a genre, each by another artist, with their parts by role."""
    for number in range(tracks):
        artist, rng = draw_artist(1, genre, number), stream(1, genre, number, 0)
        song = plan(artist, rng, 30)
        yield song, {part.role: part for part in arrange(artist, song, rng, 0, song.seconds)}


def starts(part: Part, pitches: Sequence[int] = range(128)) -> set[float]:
    return {note.start for note in part.notes if note.pitch in pitches}


def test_chord_symbols_give_the_pitch_classes() -> None:
    two_five_one = progression("ii7 | V7 | Imaj7", tonic=0)
    assert [bar[0].classes for bar in two_five_one] == [(2, 5, 9, 0), (7, 11, 2, 5), (0, 4, 7, 11)]
    assert progression("bVII | vi", tonic=9)[1][0].classes == (6, 9, 1)


def test_voice_leading_moves_little() -> None:
    (one,), (four,), (five,), (final,) = progression("I | IV | V7 | I", tonic=0)
    pitches = voicing(one, (), 60, 4)
    for chord in (four, five, final):
        next_pitches = voicing(chord, pitches, 60, 4)
        assert {pitch % 12 for pitch in next_pitches} <= set(chord.classes)
        assert sum(abs(new - old) for new, old in zip(next_pitches, pitches, strict=True)) <= 10
        pitches = next_pitches


def test_disco_has_a_kick_on_every_beat() -> None:
    for song, parts in played("disco"):
        expected = {
            float(beat)
            for letter, first, length in song.sections
            if "drums" in SECTIONS[letter].playing
            for beat in range(first * 4, (first + length) * 4)
        }
        assert starts(parts["drums"], [36]) == expected


def test_reggae_chords_skank_between_the_beats() -> None:
    for song, parts in played("reggae"):
        assert song.patterns["chords"] == "skank"
        # On the "and", or once more a sixteenth later; the strings of a stroke follow within a few hundredths.
        positions = np.array(sorted(starts(parts["chords"]))) % 1
        assert np.all((positions >= 0.5) & (positions < 0.8))
        assert np.mean((positions >= 0.5) & (positions < 0.55)) > 0.6


def test_one_drop_has_no_kick_on_beat_one() -> None:
    songs = [(song, parts) for song, parts in played("reggae", 20) if song.patterns["drums"] == "one drop"]
    assert songs
    for _, parts in songs:
        assert {start % 4 for start in starts(parts["drums"], [36])} == {1.0, 3.0}


def test_jazz_swings_and_rock_mostly_does_not() -> None:
    def ratio(song: Song) -> float:
        first, between, second = song.time(np.array([0.0, 0.5, 1.0]))
        return float((between - first) / (second - between))

    rides = [song for song, _ in played("jazz") if "ride" in song.patterns["drums"]]
    assert rides
    assert all(1.4 < ratio(song) < 2.2 for song in rides)
    assert np.median([ratio(song) for song, _ in played("rock")]) == pytest.approx(1)


def test_walking_bass_plays_quarter_notes_from_the_root() -> None:
    walks = [(song, parts["bass"]) for song, parts in played("jazz") if song.patterns["bass"] == "walk"]
    assert walks
    for song, bass in walks:
        on_beats = [note for note in bass.notes if note.start % 1 == 0]
        assert len(on_beats) > 0.9 * len(bass.notes)
        for note in on_beats:
            if note.start % song.feel.beats == 0:
                assert note.pitch % 12 == song.bars[int(note.start) // song.feel.beats][0].root


def test_classical_has_no_drums() -> None:
    assert all("drums" not in parts for _, parts in played("classical"))


def test_blues_repeats_every_twelve_bars() -> None:
    twelve = [song for song, _ in played("blues", 20) if song.sections[0][2] == 12]
    assert len(twelve) > 10
    for song in twelve:
        roots = [(bar[0].root - song.tonic) % 12 for bar in song.bars]
        assert (roots[0], roots[4]) == (0, 5)  # I, and IV in the fifth bar
        assert roots[8] in (7, 8, 2)  # V, or its substitute in minor and in jazz
        if len({length for _, _, length in song.sections}) == 1:
            assert all(song.bars[index] == song.bars[index + 12] for index in range(12))


def test_metal_is_loud_and_low() -> None:
    guitars = [song.instruments["chords"] for song, _ in played("metal", 20)]
    assert sum(name in ("distorted guitar", "overdriven guitar") for name in guitars) > 10


def test_beat_times_increase() -> None:
    for genre in ("classical", "hiphop", "blues"):
        for song, _ in played(genre, 4):
            assert np.all(np.diff(song.time(np.arange(0, 64, 0.25))) > 0)
