"""benchmarks.few: draws, scores with intervals, and the whole program on tiny made music."""

import csv
import io
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.few import draws, summary, trials
from benchmarks.few.__main__ import main
from benchmarks.few.draws import EACH, ONE, SEVERAL, Cell
from benchmarks.few.trials import Tally, Trial
from src.clip import Clip


def _clips(counts: dict[str, Sequence[int]], tracks: int = 2) -> list[Clip]:
    """Clips by artist: counts["rock"] are the numbers of clips of its artists."""
    return [
        Clip(f"{genre}/{a}/{k}", Path("x"), genre, f"{genre} {a}", f"track {k % tracks}")
        for genre, artists in counts.items()
        for a, clips in enumerate(artists)
        for k in range(clips)
    ]


MUSIC = _clips({"metal": (12, 12, 9), "classical": (6, 5, 8, 3, 2, 3, 2, 2, 2, 2)})  # as in the 103 recordings
GENRES = ("classical", "metal")


def test_cells_that_the_artists_do_not_allow_are_empty_with_a_reason() -> None:
    drawn, empty = draws.cells(MUSIC, GENRES)
    assert [(cell.by, cell.k) for cell in drawn] == [
        *((ONE, k) for k in (1, 3, 5)),
        *((SEVERAL, k) for k in (3, 5, 10, 20)),
    ]
    assert empty[Cell(GENRES, EACH, 3)] == "metal has 3 artists, and one must be left to test on"
    assert empty[Cell(GENRES, ONE, 10)] == "no artist of classical has 10 clips"
    more_drawn, _ = draws.cells(_clips({"a": (5,) * 6, "b": (5,) * 4}), ("a", "b"))
    assert Cell(("a", "b"), EACH, 3) in more_drawn
    assert Cell(("a", "b"), SEVERAL, 3) not in more_drawn  # the same as EACH


@pytest.mark.parametrize("number", range(20))
def test_test_clips_are_of_artists_that_were_not_drawn(number: int) -> None:
    for cell in draws.cells(MUSIC, GENRES)[0]:
        train, test = draws.draw(MUSIC, cell, number)
        drawn = {MUSIC[k].artist for k in train}
        for genre in GENRES:
            assert (
                sum(MUSIC[k].genre == genre for k in train)
                == cell.k
                == len({k for k in train if MUSIC[k].genre == genre})
            )
            assert sum(MUSIC[k].genre == genre for k in test) > 0
            artists = {MUSIC[k].artist for k in train if MUSIC[k].genre == genre}
            every = {clip.artist for clip in MUSIC if clip.genre == genre}
            assert len(artists) == (1 if cell.by == ONE else min(cell.k, len(every) - 1))
        assert set(test) == {k for k, clip in enumerate(MUSIC) if clip.artist not in drawn}


def test_draws_are_repeatable_and_differ_by_number_only() -> None:
    cell = Cell(GENRES, ONE, 5)
    assert draws.draw(MUSIC, cell, 3) == draws.draw(MUSIC, cell, 3)
    assert len({tuple(draws.draw(MUSIC, cell, number).train) for number in range(20)}) > 10


def test_the_clips_of_an_artist_come_from_different_tracks_first() -> None:
    clips = _clips({"a": (6, 6), "b": (6, 6)}, tracks=3)
    for number in range(10):
        train, _ = draws.draw(clips, Cell(("a", "b"), ONE, 3), number)
        assert len({(clips[k].genre, clips[k].track) for k in train}) == 6


def _trial(draw: int, method: str, correct: dict[str, int], clips: int = 10) -> Trial:
    tallies = {(name.split()[0], name): Tally(clips, count, 0.5 * clips) for name, count in correct.items()}
    return Trial(
        Cell(GENRES, ONE, 1), draw, method, tallies, "nearest mean by cosine, because x" if method == "few" else None
    )


def test_macro_recall_pools_the_draws_and_the_difference_is_paired() -> None:
    by_draw = [{"metal a": 9, "metal b": 5, "classical c": 10}, {"metal a": 7, "metal b": 3, "classical c": 8}]
    few = [_trial(number, "few", correct) for number, correct in enumerate(by_draw)]
    worse = [
        _trial(number, "knn", {who: n - 2 for who, n in correct.items()}) for number, correct in enumerate(by_draw)
    ]
    of_few, of_knn = summary.score([*few, *worse])
    assert of_few.recall == pytest.approx((24 / 40 + 18 / 20) / 2)
    assert of_few.nll == pytest.approx(0.5)
    assert of_few.interval[0] < of_few.recall < of_few.interval[1]
    assert dict(of_few.chosen) == {"nearest mean by cosine": 2}
    # Two of ten clips fewer in each draw and artist: no uncertainty is left in the difference.
    assert of_knn.minus_few == pytest.approx((-0.2, -0.2, -0.2))


def test_an_interval_over_artists_does_not_vanish_with_many_draws() -> None:
    """Artists a and b are always right and wrong: with two artists nothing more is known, however many draws there are."""
    scores = summary.score([_trial(n, "few", {"metal a": 10, "metal b": 0, "classical c": 5}) for n in range(500)])
    assert scores[0].interval == pytest.approx((0.25, 0.75))
    same = summary.score([_trial(n, "few", {"metal a": 5, "metal b": 5, "classical c": 5}) for n in range(3)])
    assert same[0].interval == pytest.approx((0.5, 0.5))


def test_a_trial_is_written_and_read_back(tmp_path: Path) -> None:
    file, trial = tmp_path / "folder" / "t.jsonl", _trial(3, "few", {"metal a": 9, "classical c": 1})
    assert list(trials.read(file, "digest")) == []
    trials.write(trial, file)
    with file.open("a", encoding="utf-8") as stream:
        stream.write('{"genres": ["met')  # a process that was killed
    assert list(trials.read(file, "digest")) == [trial]
    trials.write(trial, file)
    assert len(list(trials.read(file, "digest"))) == 2
    with pytest.raises(ValueError, match="has trials of other clips. Delete it, or name another file with --trials"):
        list(trials.read(file, "another"))


@pytest.mark.slow
def test_the_program_resumes_and_draws_a_figure(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(tiny.parent, tmp_path / "music")
    shutil.move(tmp_path / "music" / tiny.name, tmp_path / "music" / "manifest.csv")
    file, figure = tmp_path / "t.jsonl", tmp_path / "f.svg"
    words = [str(tmp_path / "music"), "--clips", "1,3", "--cache", str(tmp_path / "cache"), "--trials", str(file)]
    assert main([*words, "--draws", "1", "--methods", "few,knn,lda"]) == 0
    first = file.read_text(encoding="utf-8")
    capsys.readouterr()
    assert main([*words, "--draws", "2", "--methods", "few,head,knn,lda", "--figure", str(figure)]) == 0
    assert file.read_text(encoding="utf-8").startswith(first)
    out, err = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["clips by"], row["k"], row["method"]) for row in rows if row["method"] == "few"] == [
        (EACH, "3", "few"),
        (ONE, "1", "few"),
    ]
    assert {row["draws"] for row in rows} == {"2"}
    assert "k = 3 by one artist: no artist of bell has 3 clips" in err
    assert "macro recall on other artists" in figure.read_text(encoding="utf-8")
    again = file.read_text(encoding="utf-8")
    assert main([*words, "--draws", "2", "--methods", "few,head,knn,lda"]) == 0
    assert file.read_text(encoding="utf-8") == again  # nothing was left to do


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["nowhere"], "few: nowhere has no manifest.csv: name a folder that benchmarks.music has made, or synth."),
        (["synth", "--methods", "svm"], "few: --methods names svm: expected some of few, head, knn, lda."),
        (["synth", "--clips", "2"], "few: --clips names 2: expected some of 1, 3, 5, 10, 20."),
        (["synth", "--draws", "0"], "few: --draws is 0: expected 1 or more"),
        (["synth", "--figure", "f.jpg"], "few: --figure is f.jpg: expected a name that ends in .svg or .png."),
    ],
)
def test_bad_input_gets_one_message(words: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 1
    assert capsys.readouterr().err.startswith(expected)


def test_shrinkage_lda_is_scikit_learns_with_a_pooled_covariance() -> None:
    from sklearn.covariance import LedoitWolf
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    random = np.random.default_rng(0)
    genre_K = np.repeat([0, 1, 2], 4)
    x_KE, new_KE = random.normal(size=(12, 8)) + genre_K[:, None], random.normal(size=(5, 8))
    scores_KC = trials.shrinkage_lda(x_KE, genre_K, new_KE)
    new_KE = (new_KE - x_KE.mean(axis=0)) / x_KE.std(axis=0)
    x_KE = (x_KE - x_KE.mean(axis=0)) / x_KE.std(axis=0)
    mean_CE = np.stack([x_KE[genre_K == c].mean(0) for c in range(3)])
    pooled = LedoitWolf(assume_centered=True).fit(x_KE - mean_CE[genre_K]).covariance_

    class Pooled:
        """An estimator that gives the pooled covariance for each genre."""

        def fit(self, x_KE: np.ndarray) -> "Pooled":
            self.covariance_ = pooled
            return self

    machine = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=Pooled(), priors=[1 / 3] * 3)
    expected = machine.fit(x_KE, genre_K).predict_log_proba(new_KE)
    assert np.abs(scores_KC.log_softmax(1).numpy() - expected).max() < 1e-8
