"""The study: its plan composes, its bootstrap agrees with known results, and its verdicts follow from the intervals."""

import csv
import itertools
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from benchmarks.study import answers, claims, execute, measure, plan, report, scarce
from benchmarks.study.__main__ import main
from benchmarks.study.answers import ArmPredictions
from benchmarks.study.claims import CONTRADICTED, SUPPORTED, UNDECIDED, verdict
from benchmarks.study.measure import Difference, difference, recall_of
from benchmarks.study.plan import CNN, HYBRID, RNN
from src import config as configs
from src.clip import Clip
from src.dataset import Manifest
from src.metrics import intervals
from src.split import Holdout, Official
from tests.rundirs import GENRES, config, write_run

PAPER_GENRES = ["classical", "jazz", "pop", "rock"]


def arm_predictions(predicted_SK: Sequence[Sequence[int]], genres: int = 4, clips: int = 80) -> ArmPredictions:
    """Predictions for clips whose genres alternate. Each artist has two clips, of one genre."""
    number = np.arange(clips)
    cluster = [f"{k % genres} artist {k // genres // 2}" for k in number]
    seeds = list(range(len(predicted_SK)))
    names = [f"{k:03}" for k in number]
    return ArmPredictions(
        seeds, PAPER_GENRES[:genres], names, cluster, number % genres, np.array(predicted_SK), seconds=60.0
    )


def random_predictions(correct_share: float, seed: int, seeds: int = 3, clips: int = 80) -> ArmPredictions:
    """Predictions that are correct for a share of the clips, and drawn at random for the others."""
    rng = np.random.default_rng(seed)
    true_K = np.arange(clips) % 4
    drawn_SK = rng.integers(4, size=(seeds, clips))
    return arm_predictions(np.where(rng.random((seeds, clips)) < correct_share, true_K, drawn_SK).tolist(), clips=clips)


def write_arm_run(
    folder: Path, arm: str, seed: int = 0, fold: int | None = None, skill: float = 1.5, **changes: object
) -> Path:
    """Write a finished run of an arm of the plan, tested on 40 clips of four genres."""
    settings = config(seed=seed, fold=fold, arm=arm, trainer__threads=plan.THREADS, **changes)
    if fold is not None:
        settings["split"]["folds"] = 3
    first = 40 * (fold or 0)
    path = write_run(
        folder / f"{arm.replace(' ', '_')}-{seed}-{fold}",
        settings,
        genres=PAPER_GENRES,
        clips=40,
        first=first,
        skill=skill,
    )
    environment = json.loads((path / "environment.json").read_text())
    command = f"python -m src.train dataset=synth {arm} seed={seed} logger=none hydra.run.dir={path}"
    (path / "environment.json").write_text(json.dumps(environment | {"command": command}))
    return path


@pytest.fixture
def arms_as_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make each arm its own key, so that no config is composed."""
    monkeypatch.setattr(plan, "key", lambda arm: arm)


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ([(0.1, 0.2)], SUPPORTED),
        ([(0.1, 0.2), (0.01, 0.3)], SUPPORTED),
        ([(0.1, 0.2), (-0.01, 0.3)], UNDECIDED),
        ([(0.1, 0.2), (0.0, 0.3)], UNDECIDED),
        ([(0.0, 0.0)], UNDECIDED),
        ([(0.1, 0.2), (-0.3, -0.1)], CONTRADICTED),
        ([(-0.1, 0.2), (-0.3, -0.1)], CONTRADICTED),
        ([(-0.1, 0.0)], UNDECIDED),
        ([(float("nan"), float("nan"))], UNDECIDED),
    ],
)
def test_verdicts_follow_from_the_intervals(intervals: list[tuple[float, float]], expected: str) -> None:
    assert verdict([Difference(0.0, low, high, None, 80, 40) for low, high in intervals]) == expected


@pytest.mark.parametrize("name", [*measure.OF_ALL, recall_of("jazz")])
def test_equal_predictions_have_no_difference(name: str) -> None:
    same = difference(name, [random_predictions(0.5, seed=1)], [random_predictions(0.5, seed=1)])
    assert (same.value, same.low, same.high, same.deviation) == (0, 0, 0, 0)


@pytest.mark.parametrize("name", [*measure.OF_ALL, recall_of("jazz")])
def test_all_correct_minus_none_correct_is_one(name: str) -> None:
    true = np.arange(80) % 4
    result = difference(name, [arm_predictions([true.tolist()])], [arm_predictions([((true + 1) % 4).tolist()])])
    assert (result.value, result.low, result.high, result.deviation) == (1, 1, 1, None)
    assert (result.clips, result.artists) == ((20, 10) if "jazz" in name else (80, 40))


def test_accuracy_difference_equals_intervals_paired_difference() -> None:
    a, b = random_predictions(0.7, seed=1), random_predictions(0.5, seed=2)
    correct_a, correct_b = ((arm.predicted_SK == arm.true_K).mean(axis=0) for arm in (a, b))
    result = difference(measure.ACCURACY, [a], [b])
    expected = intervals.paired_difference(correct_a, correct_b, a.clusters, resamples=measure.RESAMPLES)
    assert (result.value, result.low, result.high) == pytest.approx(expected)


def test_macro_scores_equal_those_of_scikit_learn() -> None:
    arm = random_predictions(0.4, seed=3)
    for name, score in ((measure.PRECISION, precision_score), (measure.RECALL, recall_score), (measure.F1, f1_score)):
        expected = [score(arm.true_K, predicted, average="macro") for predicted in arm.predicted_SK]
        result = difference(name, [arm])
        assert result.value == pytest.approx(np.mean(expected))
        assert result.deviation == pytest.approx(np.std(expected, ddof=1))
        assert result.low < result.value < result.high


def test_a_difference_of_differences() -> None:
    arms = [random_predictions(share, seed=k) for k, share in enumerate((0.9, 0.4, 0.5, 0.6))]
    one, two, three, four = (difference(measure.ACCURACY, [arm]).value for arm in arms)
    assert difference(measure.ACCURACY, arms[:2], arms[2:]).value == pytest.approx(one + two - three - four)


def test_a_scarce_genre_with_few_artists_is_marked() -> None:
    arm = random_predictions(0.5, seed=1, clips=40)
    assert difference(recall_of("jazz"), [arm]).few_artists
    assert not difference(measure.ACCURACY, [arm]).few_artists


def test_only_the_same_clips_and_seeds_are_compared() -> None:
    with pytest.raises(ValueError, match="not tested on the same clips"):
        difference(measure.ACCURACY, [random_predictions(0.5, seed=1)], [random_predictions(0.5, seed=1, clips=40)])
    one_seed = random_predictions(0.5, seed=1, seeds=1)
    assert difference(measure.ACCURACY, [random_predictions(0.5, seed=1)], [one_seed]).deviation is None


def test_only_training_clips_of_the_scarce_genre_are_removed(tmp_path: Path) -> None:
    clips = [
        Clip(f"{genre}/{a}-{t}", tmp_path / "sound" / f"{genre}-{a}-{t}.flac", genre, f"{genre} {a}", f"song {a} {t}")
        for genre, a, t in itertools.product(GENRES, range(20), range(4))
    ]
    subsets = Holdout(test=0.2, val=0.2, seed=0, grouped=True, allow_leak=False).assign(clips)
    remaining = scarce.cut(clips, subsets)
    assert remaining == scarce.cut(clips, subsets), "the same clips each time"
    before, after = defaultdict(list), defaultdict(list)
    for clip, subset in zip(clips, subsets, strict=True):
        before[clip.genre, subset].append(clip.name)
    for clip in remaining:
        after[clip.genre, clip.subset].append(clip.name)
    reduced = (scarce.GENRE, "train")
    assert {k: names for k, names in before.items() if k != reduced} == {
        k: names for k, names in after.items() if k != reduced
    }
    assert (len(before[reduced]), len(after[reduced])) == (48, 5)
    assert set(after[reduced]) < set(before[reduced])

    (tmp_path / "sound").mkdir()
    for clip in remaining:
        clip.path.touch()
    scarce.save(tmp_path / "study" / "imbalance.csv", remaining)
    read = Manifest(str(tmp_path / "study" / "imbalance.csv"), genres=None).corpus().clips
    assert [(clip.genre, clip.artist, clip.track) for clip in read] == [(c.genre, c.artist, c.track) for c in remaining]
    assert Official(file=None, seed=0, allow_leak=False).assign(read) == [clip.subset for clip in remaining]


def test_a_genre_without_training_clips_cannot_be_reduced() -> None:
    with pytest.raises(ValueError, match="No training clip is of metal"):
        scarce.cut([Clip("a", Path("a"), "jazz")], ["train"])


def test_every_choice_of_the_plan_is_in_conf() -> None:
    overrides = {override for sweep in plan.PLAN for arm in sweep.arms for override in arm.split()}
    choices = {override: override.replace("=", "/") for override in overrides if "." not in override.split("=")[0]}
    assert not {override for override, path in choices.items() if not (configs.CONF / f"{path}.yaml").exists()}


def test_arms_of_the_plan_compose() -> None:
    """The key of an arm that does not compose is the arm itself."""
    arms = [arm for sweep in plan.PLAN if sweep.name in ("cells", "loss") for arm in sweep.arms]
    assert not [arm for arm in (*arms, f"{HYBRID} {plan.UNREGULARIZED}") if plan.key(arm) == arm]


def test_two_spellings_of_one_experiment_have_the_same_key() -> None:
    defaults = ("model.cell=gru", "augmentation=spectrogram", "loss=cross_entropy loss.label_smoothing=0.0")
    assert {plan.key(f"{HYBRID} {overrides}") for overrides in defaults} == {plan.key(HYBRID)}
    assert plan.key(HYBRID) != plan.key(f"{HYBRID} model.cell=rnn")


def test_arms_of_the_claims_and_tables_are_in_the_plan() -> None:
    arms = {arm for sweep in plan.PLAN for arm in sweep.arms}
    assert {
        arm for claim in claims.CLAIMS for contrast in claim.contrasts for arm in (*contrast.plus, *contrast.minus)
    } <= arms
    assert {arm for sweep in plan.PLAN for arm in (*sweep.baselines, *sweep.baselines.values())} <= arms
    for arm in arms:
        assert (
            plan.arm_of(["python", "dataset=synth", "split.folds=3", *arm.split(), "seed=1", "hydra.run.dir=x"]) == arm
        )
    assert plan.arm_of(["model=svm"]) is None


@pytest.mark.usefixtures("arms_as_keys")
def test_no_job_with_comparisons_is_run_twice() -> None:
    commands = [command for command in plan.commands(["synth", "music"]) if command.sweep.baselines]
    jobs = [(command.data, plan.key(command.arm), seed) for command in commands for seed in command.seeds]
    assert len(jobs) == len(set(jobs))
    assert not list(plan.commands(["music"], ["imbalance"]))
    [*_, cnn] = [command for command in plan.commands(["music"], ["architectures"]) if command.arm == CNN]
    assert cnn.jobs == 9
    overrides = cnn.overrides(Path("out"), {"music": Path("it's here/manifest.csv")})
    expected = {
        "seed=0,1,2",
        "split.fold=range(0,3)",
        "trainer.threads=1",
        "hydra.sweep.dir=out/music/architectures",
        CNN,
    }
    assert expected <= set(overrides)
    assert r"dataset.path='it\'s here/manifest.csv'" in overrides


@pytest.mark.usefixtures("arms_as_keys")
def test_a_failed_sweep_is_named_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(execute, "_train", lambda command, *_: int(command.arm == RNN))
    monkeypatch.setattr(execute, "_print_table", lambda sweep: 0)
    assert main(["run", "synth", "--only", "models", "imbalance", "--folder", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines() == ["synth models: 9 jobs", "synth imbalance: 12 jobs"]
    assert [line for line in printed.err.splitlines() if "Failed" in line] == [f"Failed: synth models: {RNN}"]
    with open(tmp_path / execute.SECONDS, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["exit_status"] for row in rows] == ["0", "1", *["0"] * 11]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("music", "--music is None: expected the manifest of the recordings. Add --music DIR/manifest.csv."),
        ("gtzan", "--gtzan is None: expected the folder of GTZAN. Add --gtzan DIR."),
        ("fma", "--fma is None: expected the folder of FMA. Add --fma DIR."),
    ],
)
def test_a_data_set_that_is_not_rendered_needs_its_place(
    data: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", data]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("data", ["gtzan", "fma"])
def test_the_overrides_of_a_data_set_compose(data: str) -> None:
    command = next(command for command in plan.commands([data]) if command.arm == RNN and command.sweep.baselines)
    overrides = command.overrides(Path("out"), {name: Path("a folder") for name in ("gtzan", "fma")})
    single = [word for word in overrides if not word.startswith(("hydra.", "seed=", "split.fold="))]
    composed = configs.compose(*(word.replace("dataset.genre_map=", "+dataset.genre_map=") for word in single))
    assert composed.dataset.root == "a folder"
    if data == "fma":
        assert sorted(composed.dataset.genre_map.values()) == sorted(composed.dataset.genres) == PAPER_GENRES


@pytest.mark.usefixtures("arms_as_keys")
def test_folds_are_pooled_and_the_newest_run_is_used(tmp_path: Path) -> None:
    for seed, fold in itertools.product((0, 1), range(3)):
        write_arm_run(tmp_path, CNN, seed, fold)
    write_arm_run(tmp_path, CNN, seed=2, fold=0)  # its other folds are missing
    older = write_arm_run(tmp_path / "older", CNN, seed=0, fold=0, optimizer__lr=0.1)
    environment = json.loads((older / "environment.json").read_text())
    (older / "environment.json").write_text(json.dumps(environment | {"finished": "2024-01-01"}))
    predictions, notes, source = answers.read(tmp_path)
    cnn = predictions[CNN]
    assert (cnn.seeds, len(cnn.clips), cnn.predicted_SK.shape) == ([0, 1], 120, (2, 120))
    assert len(notes) == 1
    assert f"{older} is older" in notes[0]
    assert (source["runs"], source["torch"], source["finished"]) == (6, ["2.11.0"], "2025-01-02")


@pytest.mark.usefixtures("arms_as_keys")
def test_runs_with_other_settings_are_not_pooled(tmp_path: Path) -> None:
    write_arm_run(tmp_path, CNN, seed=0)
    write_arm_run(tmp_path, CNN, seed=1, optimizer__lr=0.1)
    predictions, notes, _ = answers.read(tmp_path)
    assert not predictions
    assert "differ in settings" in notes[0]


@pytest.mark.usefixtures("arms_as_keys")
def test_the_report_gives_verdicts_and_names_missing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(3):
        for arm, skill in ((CNN, 9.0), (RNN, 0.0), (HYBRID, 0.0)):
            write_arm_run(tmp_path / "synth" / "architectures", arm, seed, skill=skill)
    (tmp_path / execute.SECONDS).write_text(
        "data,sweep,arm,seconds,exit_status\nsynth,models,x,90.0,0\nsynth,x,y,30.0,0\n"
    )
    assert main(["report", "--folder", str(tmp_path)]) == 0
    page = capsys.readouterr().out
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in page.splitlines() if line.startswith("| ")}
    assert f"**{SUPPORTED}** |" in lines["CNN “performed best in terms of Accuracy”"]
    assert "40 clips of 20 artists" in lines["CNN “performed best in terms of Accuracy”"]
    assert f"**{CONTRADICTED}** |" in lines["RNN “was prominent in Recall”"]
    assert f"**{CONTRADICTED}** †" in lines["Hybrid “excelled in jazz”"]
    assert "10 clips of 5 artists †" in lines["Hybrid “excelled in jazz”"]
    assert "not measured: cnn feature=spectral" in page
    assert "cannot be told from noise on 40 clips" in page
    assert lines["cnn, published"].startswith("| cnn, published | 92 | 88 | 75 | 86 | 93 |")
    assert lines["cnn, here"].startswith("| cnn, here | 100.0 ± 0.0 |")
    assert "### Augmentation: Does augmentation help?\n\nNot measured." in page
    assert "- synth augmentation: all arms" in page
    assert "- synth models: rnn" not in page
    assert "- music" not in page, "only data sets that have runs are listed"
    assert "| … 95 % interval | 100.0 to 100.0 |" in page
    assert "2 minutes of computing, in 2 commands." in page


@pytest.mark.usefixtures("arms_as_keys")
def test_a_claim_about_a_genre_that_the_data_lacks_gets_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "PAPER_GENRES", ["classical", "electronic", "metal"])
    for arm in (CNN, RNN, HYBRID):
        write_arm_run(tmp_path / "music" / "architectures", arm)
    page = report.markdown(tmp_path)
    jazz = next(line for line in page.splitlines() if "excelled in jazz" in line)
    assert f"**{claims.NOT_HERE}**" in jazz
    assert "no jazz" in jazz
    assert "n/a" in next(line for line in page.splitlines() if line.startswith("| cnn, here"))


def test_a_folder_without_runs_gets_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--folder", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"study: {tmp_path} holds no finished run")
