"""The temperature: against scipy's own minimum, on answers whose temperature is known, and through a tiny training."""

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn import functional

from src import metrics, rundir
from src.classifier import build
from src.classifier.classifier import UNCALIBRATED
from src.metrics import calibration
from src.training import run_writer, setup, stages
from src.training.module import GenreModule, Predictions
from tests.integration.test_programs import metrics as written
from tests.integration.test_programs import same, weights
from tests.programs import small, train


def _drawn(seed: int, clips: int, genres: int, spread: float) -> tuple[Tensor, Tensor]:
    """Logits that are right about their own probabilities: each genre is drawn from them."""
    made = torch.Generator().manual_seed(seed)
    logits_KC = spread * torch.randn(clips, genres, generator=made)
    return logits_KC, torch.multinomial(logits_KC.softmax(dim=1), 1, generator=made)[:, 0]


def _loss(logits_KC: Tensor, genre_K: Tensor, temperature: float) -> float:
    """The cross-entropy that is minimized, written as torch has it: with probabilities for targets."""
    clips, genres = logits_KC.shape
    target_KC = torch.full((clips, genres), 1 / (clips + 2) / (genres - 1), dtype=torch.float64)
    target_KC[torch.arange(clips), genre_K] = (clips + 1) / (clips + 2)
    return float(functional.cross_entropy(logits_KC.double() / temperature, target_KC))


@pytest.mark.parametrize("factor", [0.2, 1.0, 3.0])
def test_the_factor_that_logits_were_multiplied_by_is_found(factor: float) -> None:
    logits_KC, genre_K = _drawn(0, 5000, 10, spread=2.0)
    assert calibration.temperature(factor * logits_KC, genre_K) == pytest.approx(factor, rel=0.03)


@pytest.mark.parametrize("seed", range(12))
def test_it_is_the_minimum_that_scipy_finds(seed: int) -> None:
    logits_KC, genre_K = _drawn(seed, (12, 60, 300)[seed % 3], 2 + seed % 9, spread=(0.5, 2.0, 8.0, 1.0)[seed % 4])
    logits_KC = (0.3, 1.0, 4.0)[seed % 3] * logits_KC
    ends = np.log(calibration.RANGE)
    judge = minimize_scalar(
        lambda log: _loss(logits_KC, genre_K, math.exp(log)), bounds=ends, method="bounded", options={"xatol": 1e-9}
    )
    found = calibration.temperature(logits_KC, genre_K)
    assert found == pytest.approx(math.exp(judge.x), rel=1e-4)
    assert _loss(logits_KC, genre_K, found) <= judge.fun + 1e-12


@pytest.mark.parametrize("seed", range(20))
def test_what_it_is_fitted_on_gets_worse_by_no_more_than_the_smoothed_targets(seed: int) -> None:
    logits_KC, genre_K = _drawn(seed, 40, 5, spread=2.0)
    logits_KC = (0.3, 1.0, 4.0)[seed % 3] * logits_KC
    found = calibration.temperature(logits_KC, genre_K)
    true, smoothed = functional.cross_entropy, _loss
    before, after = (float(true(logits_KC.double() / t, genre_K)) for t in (1.0, found))
    smoothing = smoothed(logits_KC, genre_K, 1.0) - before
    assert smoothed(logits_KC, genre_K, found) <= smoothed(logits_KC, genre_K, 1.0)
    assert after <= before + smoothing


@pytest.mark.parametrize("clips", [1, 6, 100, 1000])
def test_clips_that_are_all_recognized_leave_room_for_a_mistake(clips: int) -> None:
    """A genre's logit above all others' is such that its probability is the target's, wherever it was before."""
    genre_K = torch.arange(clips) % 4
    found = [calibration.temperature(height * functional.one_hot(genre_K, 4), genre_K) for height in (2.0, 20.0)]
    probability = [
        float((h / t * torch.tensor([1.0, 0, 0, 0])).softmax(0)[0]) for h, t in zip((2, 20), found, strict=True)
    ]
    assert probability == pytest.approx([(clips + 1) / (clips + 2)] * 2)
    assert all(calibration.RANGE[0] < t < calibration.RANGE[1] for t in found)


@pytest.mark.parametrize(
    ("logits_KC", "expected"),
    [
        (torch.zeros(3, 4), 1.0),
        (torch.tensor([[-1.0] * 4, [5.0] * 4, [0.1] * 4]), 1.0),  # a model that tells nothing apart
        (torch.tensor([[0.0, 9, 0, 0], [0, 0, 9, 0], [0, 0, 0, 9]]), 100.0),  # always wrong: the less sure the better
        (1e-6 * torch.eye(4)[:3], 0.01),  # always right and never sure, beyond what the range mends
        (torch.eye(4)[:3].log(), 1.0),  # certain, and right: no temperature changes that
        (torch.eye(4)[1:].log(), 1.0),  # certain, and wrong: nor that
    ],
)
def test_ends(logits_KC: Tensor, expected: float) -> None:
    assert calibration.temperature(logits_KC, torch.arange(3)) == expected


def test_a_genre_held_impossible_counts_as_if_it_were_not_there() -> None:
    logits_KC, genre_K = _drawn(1, 200, 4, spread=2.0)
    impossible_KC = torch.full((200, 1), -math.inf)
    without = calibration.temperature(logits_KC, genre_K)
    assert calibration.temperature(torch.cat((logits_KC, impossible_KC), dim=1), genre_K) == pytest.approx(without)
    surprise_KC = torch.cat((logits_KC, impossible_KC), dim=1)[:1]  # a clip of the genre that it holds impossible
    told_KC, told_K = torch.cat((logits_KC, impossible_KC), dim=1), torch.cat((genre_K, torch.tensor([4])))
    assert calibration.temperature(torch.cat((told_KC, surprise_KC)), told_K) == pytest.approx(without, rel=0.02)


@pytest.mark.parametrize(
    ("logits_KC", "genre_K", "message"),
    [
        (torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), r"got logits of shape \(0, 4\) and 0 genres"),
        (torch.zeros(2, 4), torch.zeros(3, dtype=torch.long), r"got logits of shape \(2, 4\) and 3 genres"),
        (torch.zeros(4), torch.zeros(4, dtype=torch.long), r"got logits of shape \(4,\) and 4 genres"),
        (torch.tensor([[math.nan, 0], [0, 0]]), torch.zeros(2, dtype=torch.long), "1 of 2 clips are NaN or infinite"),
        (torch.full((2, 4), math.inf), torch.zeros(2, dtype=torch.long), "2 of 2 clips are NaN or infinite"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(logits_KC: Tensor, genre_K: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibration.temperature(logits_KC, genre_K)


@pytest.mark.parametrize("temperature", calibration.RANGE)
def test_no_clip_gets_another_genre(temperature: float) -> None:
    logits_KC, genre_K = _drawn(0, 1000, 10, spread=5.0)
    logits_KC[:, 1] = torch.nextafter(logits_KC[:, 0], torch.tensor(math.inf))  # as near as two logits can be
    before = Predictions(torch.arange(1000), genre_K, logits_KC)
    after = before.with_temperature(temperature)
    assert torch.equal(after.logits.argsort(dim=1, stable=True), before.logits.argsort(dim=1, stable=True))
    assert torch.equal(after.clip, before.clip)
    scores = [metrics.score(each.logits, genre_K, list("abcdefghij")) for each in (before, after)]
    for each in scores:
        del each["nll"], each["ece"]
    assert scores[0] == scores[1]


@pytest.fixture(scope="module")
def done(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrated") / "run"
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *_words(tiny, folder)) == 0
    return folder


def _words(manifest: Path, folder: Path, *more: str) -> tuple[str, ...]:
    return small(manifest, folder, "model=cnn", "feature=mfcc", *more)


def test_a_run_tells_what_calibration_changed(done: Path) -> None:
    found = rundir.RunDir(done).metrics
    assert calibration.RANGE[0] <= found["temperature"] <= calibration.RANGE[1]
    assert found["temperature"] != 1
    for side in ("val", "test"):
        keys = list(found[side])
        assert keys.index("nll_uncalibrated") < keys.index("genres") == len(keys) - 1
        assert found[side]["nll"] != found[side]["nll_uncalibrated"]
    assert f"a temperature of {found['temperature']:.3g}" in (done / rundir.REPORT).read_text(encoding="utf-8")


def test_the_best_checkpoint_holds_the_temperature_and_all_that_it_held(done: Path) -> None:
    kept = weights(done, rundir.BEST)
    assert float(kept["temperature"]) == rundir.RunDir(done).metrics["temperature"]
    assert kept["calibrated"]
    assert not weights(done, rundir.LAST)["calibrated"]
    assert float(weights(done, rundir.LAST)["temperature"]) == 1
    best, last = (torch.load(done / name, weights_only=True) for name in (rundir.BEST, rundir.LAST))
    assert best.keys() == last.keys()
    assert not list(done.glob("*.part"))


def _answers(folder: Path, module: Any, tiny: Path) -> Tensor:
    """Probabilities (K, C) of a run's test clips, as evaluation hears them: two stretches of a second."""
    from src.audio import reader

    wave_KT = [reader.read(tiny.parent / name, 22050) for name in rundir.RunDir(folder).predictions.clips]
    wave_KST = [[wave_T[start : start + 22050] for start in (0, len(wave_T) - 22050)] for wave_T in wave_KT]
    with torch.no_grad():
        probability_KC: Tensor = module(torch.from_numpy(np.array(wave_KST))).softmax(dim=1)
    return probability_KC


def test_a_loaded_run_gives_the_probabilities_that_were_written(done: Path, tiny: Path) -> None:
    loaded = build.load_classifier(done)
    predictions = rundir.RunDir(done).predictions
    expected = pytest.approx(predictions.probability_KC, abs=1e-3)  # int16 in the map
    assert _answers(done, loaded, tiny).numpy() == expected
    loaded.temperature.fill_(1.0)
    assert _answers(done, loaded, tiny).numpy() != expected
    labels = torch.tensor([predictions.genres.index(genre) for genre in predictions.true])
    uncalibrated = metrics.score(_answers(done, loaded, tiny).log(), labels, predictions.genres)
    found = rundir.RunDir(done).metrics["test"]
    assert found["nll_uncalibrated"] == pytest.approx(uncalibrated["nll"], abs=1e-2)
    assert found["accuracy"] == uncalibrated["accuracy"]


def test_a_run_stopped_after_calibration_ends_with_the_same_numbers(done: Path, tiny: Path, tmp_path: Path) -> None:
    halved = tmp_path / "halved"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_writer, "write_results", _stop)
        assert train(patch, *_words(tiny, halved)) == 1
    assert weights(halved, rundir.BEST)["calibrated"]
    assert not (halved / rundir.METRICS).exists()
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *_words(tiny, halved)) == 0
    assert written(halved) == written(done)
    assert same(weights(halved, rundir.BEST), weights(done, rundir.BEST))
    assert (halved / rundir.PREDICTIONS).read_bytes() == (done / rundir.PREDICTIONS).read_bytes()


def _stop(*arguments: Any) -> None:
    raise RuntimeError("stopped")


def test_averaged_weights_are_what_is_calibrated(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert train(monkeypatch, *_words(tiny, tmp_path / "run", "trainer.ema_decay=0.9")) == 0
    kept = torch.load(tmp_path / "run" / rundir.BEST, weights_only=True)
    assert float(kept["state_dict"]["temperature"]) == rundir.RunDir(tmp_path / "run").metrics["temperature"]
    assert float(kept["current_model_state"]["temperature"]) == 1  # averaging left the 1 alone


def test_a_checkpoint_from_before_calibration_loads_uncalibrated(done: Path, tmp_path: Path) -> None:
    saved = torch.load(done / rundir.BEST, weights_only=True)
    for name in UNCALIBRATED:
        del saved["state_dict"][name]
    shutil.copytree(done, tmp_path / "old")
    torch.save(saved, tmp_path / "old" / rundir.BEST)
    assert build.load_classifier(done).calibrated
    loaded = build.load_classifier(tmp_path / "old")
    assert (float(loaded.temperature), bool(loaded.calibrated)) == (1.0, False)


def _module(done: Path) -> GenreModule:
    """The module of a run, as it is while it trains."""
    genres = list(rundir.RunDir(done).metrics["test"]["genres"])
    return setup.build_module(OmegaConf.create(rundir.RunDir(done).config), genres, [1] * len(genres))


def test_what_is_restored_is_to_be_calibrated(done: Path) -> None:
    module = _module(done)
    stages.load_best(module, done / rundir.BEST)
    assert (float(module.temperature), bool(module.calibrated)) == (1.0, False)


def test_a_module_is_calibrated_once(done: Path) -> None:
    answer = Predictions(torch.arange(3), torch.arange(3), torch.eye(3))
    module = _module(done)
    module.calibrate(answer)
    with pytest.raises(AssertionError, match="calibrated already"):
        module.calibrate(answer)


@pytest.mark.parametrize("model", ["majority", "svm"])
def test_a_fitted_model_is_calibrated_too(
    model: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [w for w in small(tiny, tmp_path / "run", f"model={model}", "feature=timbre") if w != "model.width=4"]
    assert train(monkeypatch, *words) == 0
    found = rundir.RunDir(tmp_path / "run").metrics["temperature"]
    assert found == float(build.load_classifier(tmp_path / "run").temperature)
    assert (found == 1) == (model == "majority")  # as many training clips of each genre, so all logits are equal
