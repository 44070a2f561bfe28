"""The annotators of the benchmark have the errors that it states."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import opinions
from benchmarks.opinions import SKILLS, annotate, confusion, known
from src.metrics import agreement
from tests.rundirs import config, write_run

GENRES = ["blues", "jazz", "metal", "polka", "rock"]


def test_a_confusion_has_the_skill_and_prefers_the_pair() -> None:
    matrix_CC = confusion(GENRES, 0.6)
    assert matrix_CC.sum(axis=1) == pytest.approx(np.ones(5))
    assert np.diag(matrix_CC) == pytest.approx(np.full(5, 0.6))
    assert matrix_CC[0].tolist() == pytest.approx([0.6, 0.4 * (0.7 + 0.3 / 4), 0.03, 0.03, 0.03])
    assert matrix_CC[3].tolist() == pytest.approx([0.1, 0.1, 0.1, 0.6, 0.1])  # polka has no pair


def test_drawn_labels_have_the_confusion() -> None:
    confusion_ACC = np.stack([confusion(GENRES, skill) for skill in SKILLS])
    true_K = np.repeat(np.arange(5), 8000)
    label_KA = annotate(true_K, confusion_ACC, seed=0)
    for a, expected_CC in enumerate(confusion_ACC):
        for genre in range(5):
            share_C = np.bincount(label_KA[true_K == genre, a], minlength=5) / 8000
            assert share_C == pytest.approx(expected_CC[genre], abs=0.02)


def test_the_known_alpha_is_that_of_many_drawn_labels() -> None:
    alpha, ceiling, entropy = known(GENRES)
    confusion_ACC = np.stack([confusion(GENRES, skill) for skill in SKILLS])
    label_KA = annotate(np.arange(20_000) % 5, confusion_ACC, seed=5)
    found = agreement.krippendorff_alpha(agreement.counts(label_KA, 5), ["all"] * 20_000)
    assert found
    assert found.value == pytest.approx(alpha, abs=0.01)
    assert np.mean(SKILLS) ** 2 < ceiling < max(SKILLS)
    assert 0 < entropy < np.log(5)


def test_a_run_without_annotators_gets_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "run", config())
    with pytest.raises(SystemExit):
        opinions.main(["compare", str(tmp_path)])
    assert "run has no opinions.csv: expected runs on the table" in capsys.readouterr().err
