"""Runs on embeddings beside hand-made features: cached for all models, and the same from sound, cache and statistics."""

import json
from pathlib import Path

import pytest
import torch

from src import predict, rundir
from src.audio.reader import read
from src.classifier.build import load_classifier
from tests.programs import small, train

COMPUTED = "Computing the frozen feature, once"  # on standard error, where it is not read from the cache
RATE = 16000
EMBEDDING, CLASSIC = 200, 90  # rows of one network; means and deviations of the hand-made features


def overrides(manifest: Path, folder: Path, *settings: str) -> list[str]:
    words = small(manifest, folder, "feature=deep_classic", "feature.deep.network=msd", "augmentation=none", *settings)
    return [word for word in words if word != "model.width=4"]  # the models tried here have no width


@pytest.fixture(scope="module")
def head(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a head; its cache is in the same parent folder."""
    folder = tmp_path_factory.mktemp("deep_classic") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert train(monkeypatch, *overrides(tiny, folder, "model=head")) == 0
    return folder


@pytest.mark.parametrize("model", ["head", "svm", "knn"])
def test_the_feature_is_computed_once_for_all_models(
    head: Path, tiny: Path, model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *overrides(tiny, head.parent / model, f"model={model}", "seed=1")) == 0
    assert COMPUTED not in capsys.readouterr().err
    assert rundir.RunDir(head.parent / model).metrics["test"]["clips"]


def test_both_parts_weigh_equally_on_the_training_clips(head: Path, tiny: Path) -> None:
    """The head's input, from the sound of the training clips: the rows of each part have the deviation of their part."""
    classifier, run = load_classifier(head), rundir.RunDir(head)
    waves = [torch.from_numpy(read(tiny.parent / row["clip"], RATE)) for row in run.split if row["set"] == "train"]
    sound_MT = torch.cat([wave_T[: 2 * RATE].unflatten(0, (2, RATE)) for wave_T in waves])
    with torch.no_grad():
        normalized_FM = classifier.normalized_feature(sound_MT).transpose(0, 1).flatten(1)
    deviation_F = normalized_FM.std(dim=1, correction=0)
    embedding_F, classic_F = deviation_F[:EMBEDDING], deviation_F[EMBEDDING:]
    # The median, as some units of the network never vary on these sounds.
    assert float(embedding_F.median()) == pytest.approx(((EMBEDDING + CLASSIC) / 2 / EMBEDDING) ** 0.5, rel=0.02)
    assert float(classic_F.median()) == pytest.approx(((EMBEDDING + CLASSIC) / 2 / CLASSIC) ** 0.5, rel=0.02)


@pytest.mark.parametrize("model", ["svm", "knn"])
def test_a_classic_model_gives_the_same_answers_from_statistics_as_from_the_cached_feature(
    head: Path, tiny: Path, model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With wave augmentation, which only networks use, statistics over time are cached in place of the feature."""
    answers = []
    for augmentation in ("none", "wave"):
        folder = head.parent / f"{model}-{augmentation}"
        assert train(monkeypatch, *overrides(tiny, folder, f"model={model}", f"augmentation={augmentation}")) == 0
        answers.append(rundir.RunDir(folder).predictions)
    assert COMPUTED not in capsys.readouterr().err
    assert answers[0].predicted == answers[1].predicted
    assert abs(answers[0].probability_KC - answers[1].probability_KC).max() < 1e-4
    assert len(list((head.parent / "cache").glob("statistics-*"))) == 1


def test_predict_gives_the_probabilities_that_the_run_wrote(
    head: Path, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of_run = rundir.RunDir(head).predictions
    assert predict.main([*(str(tiny.parent / clip) for clip in of_run.clips), "--run", str(head)]) == 0
    predictions = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for prediction, expected_C in zip(predictions, of_run.probability_KC, strict=True):
        probability_C = torch.tensor([prediction["probabilities"][genre] for genre in of_run.genres])
        torch.testing.assert_close(probability_C, torch.tensor(expected_C), rtol=0, atol=1e-3, check_dtype=False)


def test_a_feature_without_patches_is_refused_in_one_line(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        word
        for word in overrides(tiny, tmp_path / "run", "model=head", "feature@feature.deep=mel")
        if word != "feature.deep.network=msd"
    ]
    assert train(monkeypatch, *words) == 1
    assert "feature.deep is Mel: expected a pretrained network with patches" in capsys.readouterr().err
