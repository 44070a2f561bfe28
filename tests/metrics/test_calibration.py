"""Temperature scaling: compared with scipy's minimum, on logits of known temperature, and in tiny trainings."""

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from scipy.optimize import minimize_scalar
from scipy.stats import gamma
from torch import Tensor
from torch.nn import functional

from src import metrics, rundir
from src.classifier import build
from src.classifier.classifier import UNCALIBRATED
from src.metrics import calibration
from src.training import run_writer, setup, stages
from src.training.module import GenreModule, Predictions
from tests.integration.test_programs import metrics as metrics_of
from tests.integration.test_programs import same, weights
from tests.programs import small, train


def _draw(seed: int, clips: int, genres: int, spread: float) -> tuple[Tensor, Tensor]:
    """Draw logits (K, C), then the true genres (K,) from their probabilities, so that a temperature of 1 is right."""
    generator = torch.Generator().manual_seed(seed)
    logits_KC = spread * torch.randn(clips, genres, generator=generator)
    return logits_KC, torch.multinomial(logits_KC.softmax(dim=1), 1, generator=generator)[:, 0]


def _smoothed_loss(logits_KC: Tensor, genre_K: Tensor, temperature: float, prior_weight: float = 0.0) -> float:
    """The smoothed cross-entropy that is minimized, computed by torch from target probabilities, and the prior by scipy."""
    clips, genres = logits_KC.shape
    target_KC = torch.full((clips, genres), 1 / (clips + 2) / (genres - 1), dtype=torch.float64)
    target_KC[torch.arange(clips), genre_K] = (clips + 1) / (clips + 2)
    loss = float(functional.cross_entropy(logits_KC.double() / temperature, target_KC))
    # With this shape and scale, the mode of the distribution of 1 / T is 1.
    prior = gamma(1 + prior_weight, scale=1 / prior_weight) if prior_weight else None
    return loss - float(prior.logpdf(1 / temperature) - prior.logpdf(1)) / clips if prior else loss


@pytest.mark.parametrize("factor", [0.2, 1.0, 3.0])
def test_the_temperature_is_the_factor_by_which_logits_were_multiplied(factor: float) -> None:
    logits_KC, genre_K = _draw(0, 5000, 10, spread=2.0)
    assert calibration.temperature(factor * logits_KC, genre_K) == pytest.approx(factor, rel=0.03)


@pytest.mark.parametrize("prior_weight", [0.0, 2.0, calibration.PRIOR_WEIGHT])
@pytest.mark.parametrize("seed", range(12))
def test_the_temperature_is_the_minimum_that_scipy_finds(seed: int, prior_weight: float) -> None:
    logits_KC, genre_K = _draw(seed, (12, 60, 300)[seed % 3], 2 + seed % 9, spread=(0.5, 2.0, 8.0, 1.0)[seed % 4])
    logits_KC = (0.3, 1.0, 4.0)[seed % 3] * logits_KC
    bounds = np.log(calibration.RANGE)
    reference = minimize_scalar(
        lambda log: _smoothed_loss(logits_KC, genre_K, math.exp(log), prior_weight),
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-9},
    )
    temperature = calibration.temperature(logits_KC, genre_K, prior_weight)
    assert temperature == pytest.approx(math.exp(reference.x), rel=1e-4)
    assert _smoothed_loss(logits_KC, genre_K, temperature, prior_weight) <= reference.fun + 1e-12


@pytest.mark.parametrize("factor", [0.2, 5.0])
def test_the_fewer_the_clips_the_nearer_is_the_temperature_to_1(factor: float) -> None:
    logits_KC, genre_K = _draw(0, 5000, 10, spread=2.0)

    def distance(clips: int, prior_weight: float = calibration.PRIOR_WEIGHT) -> float:
        return abs(math.log(calibration.temperature(factor * logits_KC[:clips], genre_K[:clips], prior_weight)))

    assert distance(4) < 0.65 * abs(math.log(factor)) < distance(4, prior_weight=0)
    shrinkage = [distance(clips) / distance(clips, prior_weight=0) for clips in (4, 40, 400, 4000)]
    assert shrinkage == sorted(shrinkage)
    assert distance(4000) == pytest.approx(abs(math.log(factor)), abs=0.05)


def test_always_right_on_few_clips_is_no_proof_of_certainty() -> None:
    genre_K = torch.arange(6) % 3
    logits_KC = 3.0 * functional.one_hot(genre_K, 3)
    assert 0.7 < calibration.temperature(logits_KC, genre_K) < 1.3


@pytest.mark.parametrize(
    ("scores", "worse"),
    [
        ({"nll": 0.9, "ece": 0.1, "nll_uncalibrated": 0.8, "ece_uncalibrated": 0.2}, ["nll"]),
        ({"nll": 0.8, "ece": 0.3, "nll_uncalibrated": 0.8 - 1e-15, "ece_uncalibrated": 0.2}, ["ece"]),
        ({"nll": None, "ece": 0.3, "nll_uncalibrated": None, "ece_uncalibrated": 0.2}, ["ece"]),
        ({"nll": 0.9, "ece": 0.3, "nll_uncalibrated": None, "ece_uncalibrated": None}, []),  # an older run
        ({"nll": 0.9, "ece": 0.3}, []),
    ],
)
def test_scores_that_calibration_made_worse(scores: dict[str, Any], worse: list[str]) -> None:
    assert calibration.worsened(scores) == worse


@pytest.mark.parametrize("seed", range(20))
def test_the_loss_of_the_fitted_clips_grows_by_no_more_than_the_smoothing_adds(seed: int) -> None:
    logits_KC, genre_K = _draw(seed, 40, 5, spread=2.0)
    logits_KC = (0.3, 1.0, 4.0)[seed % 3] * logits_KC
    temperature = calibration.temperature(logits_KC, genre_K, prior_weight=0)
    before, after = (float(functional.cross_entropy(logits_KC.double() / t, genre_K)) for t in (1.0, temperature))
    smoothing = _smoothed_loss(logits_KC, genre_K, 1.0) - before
    assert _smoothed_loss(logits_KC, genre_K, temperature) <= _smoothed_loss(logits_KC, genre_K, 1.0)
    assert after <= before + smoothing


@pytest.mark.parametrize("clips", [1, 6, 100, 1000])
def test_if_all_clips_are_recognized_their_probability_is_the_smoothed_target(clips: int) -> None:
    """However far the logit of the true genre is above the others, its calibrated probability is the target."""
    genre_K = torch.arange(clips) % 4
    heights = (2.0, 20.0)
    temperatures = [
        calibration.temperature(height * functional.one_hot(genre_K, 4), genre_K, prior_weight=0) for height in heights
    ]
    probability = [
        float((height / temperature * torch.tensor([1.0, 0, 0, 0])).softmax(0)[0])
        for height, temperature in zip(heights, temperatures, strict=True)
    ]
    assert probability == pytest.approx([(clips + 1) / (clips + 2)] * 2)
    assert all(calibration.RANGE[0] < temperature < calibration.RANGE[1] for temperature in temperatures)


@pytest.mark.parametrize(
    ("logits_KC", "expected"),
    [
        (torch.zeros(3, 4), 1.0),
        (torch.tensor([[-1.0] * 4, [5.0] * 4, [0.1] * 4]), 1.0),  # all genres equally probable
        (torch.tensor([[0.0, 9, 0, 0], [0, 0, 9, 0], [0, 0, 0, 9]]), 100.0),  # always wrong: low confidence is best
        (1e-6 * torch.eye(4)[:3], 0.01),  # always right, with a confidence too low for RANGE to correct
        (torch.eye(4)[:3].log(), 1.0),  # certain and right: no temperature changes that
        (torch.eye(4)[1:].log(), 1.0),  # certain and wrong: no temperature changes that
    ],
)
def test_temperatures_of_edge_cases(logits_KC: Tensor, expected: float) -> None:
    assert calibration.temperature(logits_KC, torch.arange(3), prior_weight=0) == expected


def test_an_impossible_genre_does_not_change_the_temperature() -> None:
    logits_KC, genre_K = _draw(1, 200, 4, spread=2.0)
    impossible_KC = torch.full((200, 1), -math.inf)
    without = calibration.temperature(logits_KC, genre_K)
    with_impossible_KC = torch.cat((logits_KC, impossible_KC), dim=1)
    assert calibration.temperature(with_impossible_KC, genre_K) == pytest.approx(without)
    extra_KC, extra_K = with_impossible_KC[:1], torch.tensor([4])  # a clip of the genre that has logit -inf
    longer_KC, longer_K = torch.cat((with_impossible_KC, extra_KC)), torch.cat((genre_K, extra_K))
    assert calibration.temperature(longer_KC, longer_K) == pytest.approx(without, rel=0.02)


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
def test_logits_that_cannot_be_calibrated_are_refused(logits_KC: Tensor, genre_K: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibration.temperature(logits_KC, genre_K)


@pytest.mark.parametrize("temperature", calibration.RANGE)
def test_calibration_changes_no_predicted_genre(temperature: float) -> None:
    logits_KC, genre_K = _draw(0, 1000, 10, spread=5.0)
    # The smallest difference that two logits can have.
    logits_KC[:, 1] = torch.nextafter(logits_KC[:, 0], torch.tensor(math.inf))
    before = Predictions(torch.arange(1000), genre_K, logits_KC)
    after = before.with_temperature(temperature)
    assert torch.equal(after.logits.argsort(dim=1, stable=True), before.logits.argsort(dim=1, stable=True))
    assert torch.equal(after.clip, before.clip)
    scores = [metrics.score(predictions.logits, genre_K, list("abcdefghij")) for predictions in (before, after)]
    for score in scores:
        del score["nll"], score["ece"]
    assert scores[0] == scores[1]


@pytest.fixture(scope="module")
def finished_run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrated") / "run"
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *_overrides(tiny, folder)) == 0
    return folder


def _overrides(manifest: Path, folder: Path, *overrides: str) -> tuple[str, ...]:
    return small(manifest, folder, "model=cnn", "feature=mfcc", *overrides)


def test_a_run_has_its_scores_before_and_after_calibration(finished_run: Path) -> None:
    run_metrics = rundir.RunDir(finished_run).metrics
    assert calibration.RANGE[0] <= run_metrics["temperature"] <= calibration.RANGE[1]
    assert run_metrics["temperature"] != 1
    for subset in ("val", "test"):
        keys = list(run_metrics[subset])
        assert keys.index("nll_uncalibrated") < keys.index("genres")
        assert run_metrics[subset]["nll"] != run_metrics[subset]["nll_uncalibrated"]
    assert f"a temperature of {run_metrics['temperature']:.3g}" in (finished_run / rundir.REPORT).read_text(
        encoding="utf-8"
    )


def test_the_best_checkpoint_has_the_temperature_beside_its_other_entries(finished_run: Path) -> None:
    best_weights = weights(finished_run, rundir.BEST)
    assert float(best_weights["temperature"]) == rundir.RunDir(finished_run).metrics["temperature"]
    assert best_weights["calibrated"]
    assert not weights(finished_run, rundir.LAST)["calibrated"]
    assert float(weights(finished_run, rundir.LAST)["temperature"]) == 1
    best, last = (torch.load(finished_run / name, weights_only=True) for name in (rundir.BEST, rundir.LAST))
    assert best.keys() == {*last.keys(), "doubt"}
    assert not list(finished_run.glob("*.part"))


def _probabilities(folder: Path, classifier: Any, tiny: Path) -> Tensor:
    """Probabilities (K, C) of a run's test clips, from two segments of a second, as in evaluation."""
    from src.audio import reader

    wave_KT = [reader.read(tiny.parent / name, 22050) for name in rundir.RunDir(folder).predictions.clips]
    wave_KST = [[wave_T[start : start + 22050] for start in (0, len(wave_T) - 22050)] for wave_T in wave_KT]
    with torch.no_grad():
        probability_KC: Tensor = classifier(torch.from_numpy(np.array(wave_KST))).softmax(dim=1)
    return probability_KC


def test_a_loaded_run_gives_the_probabilities_that_the_run_wrote(finished_run: Path, tiny: Path) -> None:
    classifier = build.load_classifier(finished_run)
    predictions = rundir.RunDir(finished_run).predictions
    expected = pytest.approx(predictions.probability_KC, abs=1e-3)  # the cached samples are int16
    assert _probabilities(finished_run, classifier, tiny).numpy() == expected
    classifier.temperature.fill_(0.2)  # the temperature of this barely trained model is near 1
    assert _probabilities(finished_run, classifier, tiny).numpy() != expected
    classifier.temperature.fill_(1.0)
    labels = torch.tensor([predictions.genres.index(genre) for genre in predictions.true])
    uncalibrated = metrics.score(_probabilities(finished_run, classifier, tiny).log(), labels, predictions.genres)
    test_metrics = rundir.RunDir(finished_run).metrics["test"]
    assert test_metrics["nll_uncalibrated"] == pytest.approx(uncalibrated["nll"], abs=1e-2)
    assert test_metrics["accuracy"] == uncalibrated["accuracy"]


def test_a_run_interrupted_after_calibration_ends_with_the_same_numbers(
    finished_run: Path, tiny: Path, tmp_path: Path
) -> None:
    interrupted = tmp_path / "interrupted"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_writer, "write_results", _interrupt)
        assert train(patch, *_overrides(tiny, interrupted)) == 1
    assert weights(interrupted, rundir.BEST)["calibrated"]
    assert not (interrupted / rundir.METRICS).exists()
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *_overrides(tiny, interrupted)) == 0
    assert metrics_of(interrupted) == metrics_of(finished_run)
    assert same(weights(interrupted, rundir.BEST), weights(finished_run, rundir.BEST))
    assert (interrupted / rundir.PREDICTIONS).read_bytes() == (finished_run / rundir.PREDICTIONS).read_bytes()


def _interrupt(*arguments: Any) -> None:
    raise RuntimeError("interrupted")


def test_the_averaged_weights_are_calibrated(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert train(monkeypatch, *_overrides(tiny, tmp_path / "run", "trainer.ema_decay=0.9")) == 0
    checkpoint = torch.load(tmp_path / "run" / rundir.BEST, weights_only=True)
    assert float(checkpoint["state_dict"]["temperature"]) == rundir.RunDir(tmp_path / "run").metrics["temperature"]
    assert float(checkpoint["current_model_state"]["temperature"]) == 1  # weights without averaging: not calibrated


def test_a_checkpoint_older_than_calibration_loads_uncalibrated(finished_run: Path, tmp_path: Path) -> None:
    checkpoint = torch.load(finished_run / rundir.BEST, weights_only=True)
    for name in UNCALIBRATED:
        del checkpoint["state_dict"][name]
    shutil.copytree(finished_run, tmp_path / "old")
    torch.save(checkpoint, tmp_path / "old" / rundir.BEST)
    assert build.load_classifier(finished_run).calibrated
    classifier = build.load_classifier(tmp_path / "old")
    assert (float(classifier.temperature), bool(classifier.calibrated)) == (1.0, False)


def _module(finished_run: Path) -> GenreModule:
    """The module of a run as during training, not yet calibrated."""
    genres = list(rundir.RunDir(finished_run).metrics["test"]["genres"])
    return setup.build_module(OmegaConf.create(rundir.RunDir(finished_run).config), genres, [1] * len(genres))


def test_a_restored_module_is_not_calibrated_yet(finished_run: Path) -> None:
    module = _module(finished_run)
    stages.load_best(module, finished_run / rundir.BEST)
    assert (float(module.temperature), bool(module.calibrated)) == (1.0, False)


def test_a_module_is_calibrated_once(finished_run: Path) -> None:
    predictions = Predictions(torch.arange(3), torch.arange(3), torch.eye(3))
    module = _module(finished_run)
    module.calibrate(predictions)
    with pytest.raises(AssertionError, match="calibrated already"):
        module.calibrate(predictions)


@pytest.mark.parametrize("model", ["majority", "svm"])
def test_a_fitted_model_is_calibrated_too(
    model: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = small(tiny, tmp_path / "run", f"model={model}", "feature=timbre")
    assert train(monkeypatch, *(override for override in overrides if override != "model.width=4")) == 0
    temperature = rundir.RunDir(tmp_path / "run").metrics["temperature"]
    assert temperature == float(build.load_classifier(tmp_path / "run").temperature)
    # Genres have equal numbers of training clips, so all logits of the majority model are equal.
    assert (temperature == 1) == (model == "majority")
