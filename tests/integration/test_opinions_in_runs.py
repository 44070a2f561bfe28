"""Clips that several people have labelled, from the table through audit, training and evaluation to the pages."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from src import evaluate, rundir
from src.loss import CrossEntropy
from src.reporting import run_page
from src.rundir import RunDir
from tests.conftest import TINY
from tests.programs import audit, small, train

GENRES = sorted(TINY)
PEOPLE = ("ann", "ben", "cy", "dee")


def labels(rows: list[dict[str, str]], skill: float = 0.8) -> list[list[str]]:
    """Labels of the four annotators for each clip: the true genre, or with probability 1 - skill any genre."""
    random = np.random.default_rng(3)
    return [[row["genre"] if random.random() < skill else str(random.choice(GENRES)) for _ in PEOPLE] for row in rows]


def annotated(tiny: Path, path: Path, form: str, skill: float = 0.8) -> Path:
    """Write a manifest of the tiny corpus with opinions, as "columns" or "rows"."""
    with tiny.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        ends = [f"genre_{k + 1}" for k in range(len(PEOPLE))] if form == "columns" else ["annotator", "genre"]
        table.writerow(["path", "artist", "track", *ends])
        for row, given in zip(rows, labels(rows, skill), strict=True):
            start = [str(tiny.parent / row["path"]), row["artist"], row["track"]]
            for end in [given] if form == "columns" else zip(PEOPLE, given, strict=True):
                table.writerow([*start, *end])
    return path


@pytest.fixture(scope="module")
def targets() -> list[list[float]]:
    return []


@pytest.fixture(scope="module")
def run(tiny: Path, tmp_path_factory: pytest.TempPathFactory, targets: list[list[float]]) -> Path:
    """A run that was trained on shares; `targets` collects the rows that its loss received."""
    parent = tmp_path_factory.mktemp("annotated")
    forward = CrossEntropy.forward

    def recorded(self: CrossEntropy, logits_BC: torch.Tensor, target_BC: torch.Tensor) -> torch.Tensor:
        targets.extend(target_BC.tolist())
        return forward(self, logits_BC, target_BC)

    manifest = annotated(tiny, parent / "annotated.csv", "columns")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CrossEntropy, "forward", recorded)
        more = (
            "model=cnn",
            "feature=mfcc",
            "augmentation=none",
            "loss=cross_entropy",
            "split.test=0.5",
            "split.val=0.25",
        )
        assert train(patch, *small(manifest, parent / "run", *more)) == 0
    return parent / "run"


def test_the_loss_receives_the_shares(run: Path, targets: list[list[float]]) -> None:
    assert all(sum(row) == pytest.approx(1) for row in targets)
    assert {value for row in targets for value in row} <= {0, 0.25, 0.5, 0.75, 1}
    assert any(0.5 < max(row) < 1 for row in targets)


def test_the_files_of_the_run_have_the_opinions(run: Path) -> None:
    scores = RunDir(run).metrics["test"]["opinions"]
    assert scores["agreement"]["annotators"] == 4
    assert list(scores["annotators"]) == ["genre_1", "genre_2", "genre_3", "genre_4"]
    rows = list(csv.DictReader((run / rundir.OPINIONS).read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 24
    tested = [row for row in rows if row["set"] == "test"]
    assert {bool(row["predicted"]) for row in tested} == {True}
    assert not any(row["predicted"] for row in rows if row["set"] != "test")
    entropy = np.mean([float(row["cross_entropy"]) for row in tested])
    assert entropy == pytest.approx(scores["shares"]["cross_entropy"], abs=1e-5)
    for row in rows:
        share = {genre: float(row[f"s_{genre}"]) for genre in GENRES}
        assert sum(share.values()) == pytest.approx(1)
        assert share[row["genre"]] == max(share.values())
        assert (row["tied"] != "") == (list(share.values()).count(max(share.values())) > 1)
    predictions = RunDir(run).predictions
    assert {row["clip"]: row["predicted"] for row in tested} == dict(
        zip(predictions.clips, predictions.predicted, strict=True)
    )


def test_the_page_has_a_section_with_sentences(run: Path) -> None:
    page, markdown = run_page.html(RunDir(run)), run_page.markdown(RunDir(run))
    for text in (page, markdown):
        assert "Opinions of several people" in text
        assert "4 annotators gave 4" in text
        assert "Krippendorff" in text
        assert "a model that gives the shares themselves would have" in text


def test_a_run_without_opinions_has_no_section(run: Path, tmp_path: Path) -> None:
    older = tmp_path / "older"
    older.mkdir()
    for path in run.iterdir():
        if path.is_file():
            (older / path.name).write_bytes(path.read_bytes())
    metrics = json.loads((older / rundir.METRICS).read_text())
    for subset in ("val", "test"):
        del metrics[subset]["opinions"]
    (older / rundir.METRICS).write_text(json.dumps(metrics))
    assert RunDir(older).metrics["test"]["opinions"] is None
    assert "Opinions of several people" not in run_page.html(RunDir(older))


def test_an_evaluation_on_other_opinions_has_the_scores(
    run: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = annotated(tiny, tmp_path / "others.csv", "rows")
    words = ["dataset=manifest", f"dataset.path={manifest}", f"data.cache={run.parent / 'cache'}"]
    assert evaluate.main([str(run), *words, f"hydra.run.dir={tmp_path / 'judged'}"]) == 0
    printed = capsys.readouterr().out
    assert "4 annotators gave 96 labels to 24 clips of 12 artists." in printed
    assert "Model minus annotators: accuracy" in printed
    scores = RunDir(tmp_path / "judged").metrics["test"]["opinions"]
    assert list(scores["agreement"]["ceiling"]["annotators"]) == list(PEOPLE)
    assert (tmp_path / "judged" / rundir.OPINIONS).exists()


def test_an_evaluation_on_the_own_test_clips_repeats_the_scores(run: Path, tmp_path: Path) -> None:
    assert evaluate.main([str(run), f"data.cache={run.parent / 'cache'}", f"hydra.run.dir={tmp_path / 'again'}"]) == 0
    again, before = RunDir(tmp_path / "again").metrics, RunDir(run).metrics
    assert again["evaluation"]["scores_of_run"]
    assert again["test"]["opinions"] == before["test"]["opinions"]


def test_opinions_on_genres_that_the_run_does_not_know_are_counted(
    run: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = annotated(tiny, tmp_path / "others.csv", "rows")
    clips = manifest.read_text().splitlines()[1:]
    first = clips[0].split(",")
    extra = [",".join([*first[:-2], f"new {k}", "polka"]) for k in range(9)]  # they are the majority on one clip
    last = clips[-1].split(",")
    manifest.write_text("\n".join([*manifest.read_text().splitlines(), *extra, ",".join([*last[:-2], "eve", "polka"])]))
    words = ["dataset=manifest", f"dataset.path={manifest}", f"data.cache={run.parent / 'cache'}"]
    assert evaluate.main([str(run), *words, f"hydra.run.dir={tmp_path / 'judged'}"]) == 0
    printed = capsys.readouterr()
    assert "polka: 1" in printed.out
    assert "Not counted, as the run does not know their genre: 1 opinion on clips that are judged." in printed.err


@pytest.mark.parametrize(("skill", "found"), [(0.8, False), (0.0, True)])
def test_an_audit_measures_the_agreement(
    skill: float, found: bool, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    manifest = annotated(tiny, tmp_path / "annotated.csv", "rows", skill)
    folder = tmp_path / "audit"
    words = (f"dataset.path={manifest}", f"data.cache={tmp_path / 'cache'}", f"hydra.run.dir={folder}")
    audit(monkeypatch, "dataset=manifest", *words)
    printed = capsys.readouterr().out
    assert "4 annotators gave 96 labels to 24 clips of 12 artists." in printed
    assert "Annotators against the majority of the others" in printed
    content = json.loads((folder / "audit.json").read_text())["opinions"]
    assert list(content["ceiling"]["annotators"]) == list(PEOPLE)
    assert ("The annotators do not agree more than by chance" in printed) == found
    assert "Do the annotators agree?" in (folder / "audit.html").read_text(encoding="utf-8")
