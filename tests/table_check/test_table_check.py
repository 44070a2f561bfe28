"""Checks of reported tables: the paper's table is impossible, and no table of a real confusion matrix is."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score, precision_recall_fscore_support, precision_score, recall_score

from src.table_check import GENRES, Checked, Figure, Row, check, lines, read
from src.table_check.check import MEAN, MICRO, OF_MEANS, ONE_VS_REST, RECALLS, WEIGHTED

# Guo 2024, table 2.
TABLE_2 = """\
Identification method,Accuracy,Precision,Recall,F1 Score,Rock Accuracy,Pop Accuracy,Classical Accuracy,Jazz Accuracy,Training Time,Learning Rate,Batch Size,Hidden Layers
CNN,0.92,0.88,0.75,0.86,0.93,0.91,0.85,0.87,1.5 hours,0.001,32,4
RNN,0.75,0.72,0.82,0.73,0.81,0.79,0.90,0.80,2.0 hours,0.005,64,3
Hybrid,0.85,0.78,0.68,0.77,0.88,0.83,0.84,0.90,1.8 hours,0.001,32,5
"""


def _checked(path: Path, text: str, genres: list[str] | None = None, all_genres: bool = True) -> dict[str, Checked]:
    path.write_text(text, encoding="utf-8")
    return {row.name: check(row, all_genres) for row in read(path, genres)[0]}


def test_the_papers_table_is_impossible(tmp_path: Path) -> None:
    checked = _checked(tmp_path / "table2.csv", TABLE_2)
    assert [name for name, row in checked.items() if row.impossible] == ["CNN", "RNN", "Hybrid"]
    cnn, rnn, hybrid = (checked[name] for name in ("CNN", "RNN", "Hybrid"))
    # Macro F1 never exceeds the harmonic mean of macro precision and macro recall.
    assert cnn.averages[MEAN] == [
        "F1 0.86 is above 0.810 (0.805 to 0.815 before rounding), the harmonic mean of precision 0.88 and recall 0.75, "
        "its upper bound"
    ]
    assert "F1 0.77 is above 0.727" in hybrid.averages[MEAN][0]
    assert rnn.averages[MEAN] == []
    assert "F1 would be 0.767" in rnn.averages[OF_MEANS][0]
    # If the genres' figures are one-vs-rest accuracies, their errors sum to at most 2 (1 - accuracy).
    for row, errors, most in ((cnn, ".440", ".160"), (rnn, ".700", ".500"), (hybrid, ".550", ".300")):
        assert f"errors sum to 0{errors} (" in row.genres[ONE_VS_REST][-1]
        assert f"2 (1 - accuracy) is only 0{most} (" in row.genres[ONE_VS_REST][-1]
    # If they are the recalls of exactly four genres, accuracy lies between the lowest and the highest.
    assert rnn.genres[RECALLS] == ["accuracy 0.75 is below the lowest recall, 0.79 (pop)"]
    assert cnn.genres[RECALLS] == hybrid.genres[RECALLS] == []
    # Macro recall is then their mean.
    assert "recall would be 0.890" in cnn.together[MEAN, RECALLS][0]
    assert "recall would be 0.862" in hybrid.together[MEAN, RECALLS][0]
    assert rnn.together[MEAN, RECALLS] == []


def test_with_more_genres_than_columns_only_rules_for_some_genres_apply(tmp_path: Path) -> None:
    checked = _checked(tmp_path / "table2.csv", TABLE_2, all_genres=False)
    assert [name for name, row in checked.items() if row.impossible] == ["CNN", "Hybrid"]
    assert checked["RNN"].possible == [(MEAN, RECALLS)]
    assert checked["RNN"].genres[ONE_VS_REST]  # the errors of some genres already exceed the bound for all of them


def test_headings_of_other_columns_are_returned(tmp_path: Path) -> None:
    (tmp_path / "table2.csv").write_text(TABLE_2)
    rows, unread = read(tmp_path / "table2.csv")
    assert unread == ["Training Time", "Learning Rate", "Batch Size", "Hidden Layers"]
    assert rows[0].overall["f1", ""] == Figure("0.86", 0.86, pytest.approx(0.855), pytest.approx(0.865))
    assert rows[0].columns == {"rock", "pop", "classical", "jazz"}


def _confusion_matrices(count: int) -> list[NDArray[np.int64]]:
    """Random confusion matrices: 2 to 10 genres, balanced or not, good or bad, some with a genre never predicted."""
    rng = np.random.default_rng(0)
    matrices = []
    while len(matrices) < count:
        genres = int(rng.integers(2, 11))
        clips_C = rng.integers(1, 60, genres) if rng.random() < 0.5 else np.full(genres, rng.integers(2, 30))
        skill, spread = rng.random(), rng.choice([0.1, 1.0, 10.0])
        share_CC = skill * np.eye(genres) + (1 - skill) * rng.dirichlet(np.full(genres, spread), genres)
        if rng.random() < 0.2:
            share_CC[:, rng.integers(genres)] = 0
        share_CC /= np.maximum(share_CC.sum(axis=1, keepdims=True), 1e-12)
        if (share_CC.sum(axis=1) > 0.5).all():
            matrices.append(np.stack([rng.multinomial(n, p) for n, p in zip(clips_C, share_CC, strict=True)]))
    return matrices


def _labels(counts_CC: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    cells = np.argwhere(counts_CC)
    counts = [int(counts_CC[row, column]) for row, column in cells]
    true, predicted = (np.repeat(cells[:, k], counts).tolist() for k in (0, 1))
    return true, predicted


@pytest.mark.parametrize(("average", "reading"), [("macro", MEAN), ("micro", MICRO), ("weighted", WEIGHTED)])
def test_no_table_of_a_real_confusion_matrix_is_called_impossible(tmp_path: Path, average: str, reading: str) -> None:
    """Scores by scikit-learn, rounded, with each genre's recall, precision, F1 and support, or its accuracy one-vs-rest."""
    for counts_CC in _confusion_matrices(250):
        true, predicted = _labels(counts_CC)
        genres = list(GENRES[: len(counts_CC)])
        numbers = list(range(len(genres)))
        overall = precision_recall_fscore_support(true, predicted, labels=numbers, average=average, zero_division=0)[:3]
        *per_genre, support = precision_recall_fscore_support(true, predicted, labels=numbers, zero_division=0)
        correct_C = np.diag(counts_CC)
        errors_C = (counts_CC.sum(axis=0) + counts_CC.sum(axis=1) - 2 * correct_C) / counts_CC.sum()
        header = ["accuracy", "precision", "recall", "f1"]
        scores = [correct_C.sum() / counts_CC.sum(), *overall]
        tables = {
            ONE_VS_REST: (genres, 1 - errors_C),
            RECALLS: (
                [f"{kind}_{genre}" for kind in ("precision", "recall", "f1") for genre in genres],
                np.ravel(per_genre),
            ),
        }
        for kind, (names, figures) in tables.items():
            for digits in (2, 3):
                cells = [f"{value:.{digits}f}" for value in (*scores, *figures)]
                columns = [*header, *names]
                if kind == RECALLS:
                    columns, cells = columns + [f"support_{g}" for g in genres], cells + [str(n) for n in support]
                [row] = _checked(tmp_path / "t.csv", f"{','.join(columns)}\n{','.join(cells)}\n", genres).values()
                assert (reading, kind) in row.possible, "\n".join(line for _, line in lines(row))
                assert not row.impossible


def test_no_macro_f1_computed_from_averages_is_called_impossible(tmp_path: Path) -> None:
    for counts_CC in _confusion_matrices(300):
        true, predicted = _labels(counts_CC)
        p, r = (score(true, predicted, average="macro", zero_division=0) for score in (precision_score, recall_score))
        f1 = 2 * p * r / (p + r) if p + r else 0
        assert f1 >= f1_score(true, predicted, average="macro", zero_division=0) - 1e-12
        [row] = _checked(tmp_path / "t.csv", f"precision,recall,f1\n{p:.3f},{r:.3f},{f1:.3f}\n").values()
        assert (OF_MEANS, "") in row.possible


def test_no_mean_over_folds_is_called_impossible(tmp_path: Path) -> None:
    """Means of macro scores over folds with the same number of test clips of each genre, as the paper's ten folds."""
    rng = np.random.default_rng(0)
    for _ in range(40):
        genres, folds = int(rng.integers(2, 7)), []
        clips_C = rng.integers(2, 30, genres)
        share_CC = rng.dirichlet(np.full(genres, 0.7), genres) + 2 * rng.random() * np.eye(genres)
        share_CC /= share_CC.sum(axis=1, keepdims=True)
        for _ in range(10):
            counts_CC = np.stack([rng.multinomial(n, p) for n, p in zip(clips_C, share_CC, strict=True)])
            true, predicted = _labels(counts_CC)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # for genres that are never predicted in a fold
                scores = precision_recall_fscore_support(true, predicted, labels=list(range(genres)), average="macro")[
                    :3
                ]
                recall_C = recall_score(true, predicted, labels=list(range(genres)), average=None)
            folds.append([np.trace(counts_CC) / counts_CC.sum(), *scores, *recall_C])
        mean = np.mean(folds, axis=0)
        header = ["accuracy", "precision_macro", "recall_macro", "f1_macro", *(f"recall_{g}" for g in GENRES[:genres])]
        cells = ",".join(f"{value:.3f}" for value in mean)
        [row] = _checked(tmp_path / "t.csv", f"{','.join(header)}\n{cells}\n").values()
        assert (MEAN, RECALLS) in row.possible


@pytest.mark.parametrize(
    ("text", "reading", "contradiction"),
    [
        ("accuracy,f1\n.80,.90", MICRO, "all are one number, but here they are .80, .90"),
        ("accuracy,recall\n.80,.90", WEIGHTED, "recall would equal the accuracy, .80, not .90"),
        ("precision,recall,f1\n.90,.90,.70", MEAN, "F1 .70 is below 0.790, precision .90 + recall .90 - 1"),
        ("precision,recall,f1\n.90,.70,.77", OF_MEANS, "F1 would be 0.787 (0.782 to 0.793 before rounding)"),
        ("precision,recall,f1\n90,70,81", MEAN, "F1 81 is above 0.787"),
    ],
)
def test_contradictions_are_listed_by_reading(tmp_path: Path, text: str, reading: str, contradiction: str) -> None:
    [row] = _checked(tmp_path / "t.csv", text).values()
    assert contradiction in row.averages[reading][0]
    assert (reading, "") not in row.possible


@pytest.mark.parametrize(
    ("text", "contradiction"),
    [
        ("accuracy,recall_rock,recall_pop\n.95,.80,.90", "accuracy .95 is above the highest recall, .90 (pop)"),
        (
            "accuracy,precision_rock,precision_pop\n.50,.80,.90",
            "accuracy .50 is below the lowest precision, .80 (rock)",
        ),
        (
            "accuracy,recall_rock,recall_pop,support_rock,support_pop\n.85,.80,.90,10,90",
            "accuracy would be 0.890 (0.885 to 0.895 before rounding), the mean of recall weighted by support, not .85",
        ),
    ],
)
def test_accuracy_is_a_mean_over_the_genres(tmp_path: Path, text: str, contradiction: str) -> None:
    [row] = _checked(tmp_path / "t.csv", text).values()
    assert contradiction in row.genres[RECALLS][0]
    assert row.impossible
    [with_more_genres] = _checked(tmp_path / "t.csv", text, all_genres=False).values()
    assert not with_more_genres.impossible


def test_one_vs_rest_errors_of_all_genres_have_a_lower_bound_too(tmp_path: Path) -> None:
    [row] = _checked(tmp_path / "t.csv", "accuracy,rock,pop\n.60,.90,.90").values()
    assert "errors sum to only 0.200 (0.190 to 0.210 before rounding)" in row.genres[ONE_VS_REST][0]


def test_f1_of_a_genre_is_bounded_by_its_own_precision_and_recall(tmp_path: Path) -> None:
    [row] = _checked(tmp_path / "t.csv", "precision_rock,recall_rock,f1_rock\n.80,.60,.75").values()
    assert row.always == [
        "rock: F1 .75 is above 0.686 (0.681 to 0.691 before rounding), the harmonic mean of precision .80 and recall .60, "
        "its upper bound"
    ]
    assert row.impossible


def test_each_average_that_is_named_must_hold(tmp_path: Path) -> None:
    header, cells = "precision_macro,recall_macro,f1_macro,accuracy,recall_weighted", ".80,.70,.74,.72"
    [row] = _checked(tmp_path / "t.csv", f"{header}\n{cells},.72").values()
    assert not row.impossible
    assert set(row.averages) == {MEAN, OF_MEANS, WEIGHTED}
    [row] = _checked(tmp_path / "t.csv", f"{header}\n{cells},.65").values()
    assert row.impossible  # the macro scores alone would be possible
    assert row.averages[MEAN] == []


def test_rules_for_all_genres_do_not_apply_if_a_figure_is_missing(tmp_path: Path) -> None:
    checked = _checked(tmp_path / "t.csv", "model,accuracy,recall_rock,recall_pop\na,.95,.80,.90\nb,.95,.80,n/a\n")
    assert checked["a"].impossible
    assert not checked["b"].impossible


def test_percent_deviations_and_separators(tmp_path: Path) -> None:
    text = "name;Accuracy (%);Macro F1;Hip-Hop;Recall rock\nmine;92.5;0.81 ± 0.02;-;88 %\nyours;90;.8 (best);70.1;90"
    (tmp_path / "t.csv").write_text(text, encoding="utf-8-sig")
    (mine, yours), unread = read(tmp_path / "t.csv")
    assert unread == []
    assert mine.overall["accuracy", ""] == Figure("92.5", 0.925, pytest.approx(0.9245), pytest.approx(0.9255))
    assert mine.overall["f1", "macro"][1:] == pytest.approx((0.81, 0.805, 0.815))
    assert yours.overall["f1", "macro"][1:] == pytest.approx((0.8, 0.75, 0.85))
    assert mine.genres == {"recall": {"rock": Figure("88 %", 0.88, pytest.approx(0.875), pytest.approx(0.885))}}
    assert yours.genres["genre"]["hiphop"].value == pytest.approx(0.701)
    assert yours.overall["accuracy", ""].high == pytest.approx(0.905)


def test_unknown_genres_are_read_if_they_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("accuracy,recall_polka,recall_waltz,val_accuracy,top\n.8,.9,.7,.5,3\n")
    with pytest.raises(ValueError, match="'polka' is not a known genre. Name all genres of the table with --genres"):
        read(path)
    [row], unread = read(path, ["Polka", "waltz"])
    assert set(row.genres["recall"]) == {"polka", "waltz"}
    assert unread == ["val_accuracy", "top"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has 0 lines: expected a header and one row per model"),
        ("model,accuracy\n", "has 1 lines"),
        ("model,lr\na,1\n", "no column of scores: expected accuracy, precision, recall, f1 or genres among model, lr"),
        ("model,accuracy\na\n", "row 2: expected 2 cells"),
        ("accuracy,acc\n.1,.2\n", "two columns for accuracy"),
        ("accuracy\nhigh\n", "column accuracy: 'high' is not a score"),
        ("accuracy\n-0.5\n", "'-0.5' is not a score"),
        ("accuracy\n101\n", "101 is not a share: expected 0 to 1, or 0 to 100 %"),
        ("accuracy\n92\n.85\n", "mixes shares and percent (.85 and figures above 1)"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the message is what is tested)
        read(path)
    assert message in str(caught.value)


def test_a_row_of_one_figure_is_possible() -> None:
    row = check(Row("alone", overall={("accuracy", ""): Figure(".9", 0.9, 0.85, 0.95)}))
    assert not row.impossible
    assert next(line for _, line in lines(row)) == "alone: possible"
