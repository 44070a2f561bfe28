"""The study: its plan composes, its bootstrap knows what is known, and its verdicts follow from intervals alone."""

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
from benchmarks.study.answers import Answers
from benchmarks.study.claims import CONTRADICTED, SUPPORTED, UNDECIDED, verdict
from benchmarks.study.measure import Difference, difference, recall_of
from benchmarks.study.plan import CNN, HYBRID, RNN
from src import config as configs
from src.clip import Clip
from src.dataset import Manifest
from src.metrics import intervals
from src.split import Holdout, Official
from tests.rundirs import GENRES, config, write_run

PAPERS = ["classical", "jazz", "pop", "rock"]


def said(predicted_SK: Sequence[Sequence[int]], genres: int = 4, clips: int = 80) -> Answers:
    """Answers to clips of genres in turn, by artists of one genre with two clips each."""
    number = np.arange(clips)
    cluster = [f"{k % genres} artist {k // genres // 2}" for k in number]
    seeds = list(range(len(predicted_SK)))
    names = [f"{k:03}" for k in number]
    return Answers(seeds, PAPERS[:genres], names, cluster, number % genres, np.array(predicted_SK), seconds=60.0)


def guessed(right: float, seed: int, seeds: int = 3, clips: int = 80) -> Answers:
    """Answers that are right in a share of the clips, and otherwise drawn."""
    rng = np.random.default_rng(seed)
    true_K = np.arange(clips) % 4
    drawn_SK = rng.integers(4, size=(seeds, clips))
    return said(np.where(rng.random((seeds, clips)) < right, true_K, drawn_SK).tolist(), clips=clips)


def trained(
    folder: Path, arm: str, seed: int = 0, fold: int | None = None, skill: float = 1.5, **changes: object
) -> Path:
    """A finished run of an arm of the plan, on 40 clips of four genres."""
    made = config(seed=seed, fold=fold, arm=arm, trainer__threads=plan.THREADS, **changes)
    if fold is not None:
        made["split"]["folds"] = 3
    first = 40 * (fold or 0)
    path = write_run(
        folder / f"{arm.replace(' ', '_')}-{seed}-{fold}", made, genres=PAPERS, clips=40, first=first, skill=skill
    )
    written = json.loads((path / "environment.json").read_text())
    command = f"python -m src.train dataset=synth {arm} seed={seed} logger=none hydra.run.dir={path}"
    (path / "environment.json").write_text(json.dumps(written | {"command": command}))
    return path


@pytest.fixture
def words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arms are told apart by their words, so that nothing is composed."""
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
def test_equal_answers_differ_by_nothing(name: str) -> None:
    same = difference(name, [guessed(0.5, seed=1)], [guessed(0.5, seed=1)])
    assert (same.value, same.low, same.high, same.deviation) == (0, 0, 0, 0)


@pytest.mark.parametrize("name", [*measure.OF_ALL, recall_of("jazz")])
def test_always_right_against_never_right_is_one(name: str) -> None:
    true = np.arange(80) % 4
    found = difference(name, [said([true.tolist()])], [said([((true + 1) % 4).tolist()])])
    assert (found.value, found.low, found.high, found.deviation) == (1, 1, 1, None)
    assert (found.clips, found.artists) == ((20, 10) if "jazz" in name else (80, 40))


def test_accuracy_is_what_the_house_bootstraps() -> None:
    a, b = guessed(0.7, seed=1), guessed(0.5, seed=2)
    right_a, right_b = ((each.predicted_SK == each.true_K).mean(axis=0) for each in (a, b))
    found = difference(measure.ACCURACY, [a], [b])
    expected = intervals.paired_difference(right_a, right_b, a.clusters, resamples=measure.RESAMPLES)
    assert (found.value, found.low, found.high) == pytest.approx(expected)


def test_macro_scores_are_scikit_learns() -> None:
    each = guessed(0.4, seed=3)
    for name, score in ((measure.PRECISION, precision_score), (measure.RECALL, recall_score), (measure.F1, f1_score)):
        expected = [score(each.true_K, predicted, average="macro") for predicted in each.predicted_SK]
        found = difference(name, [each])
        assert found.value == pytest.approx(np.mean(expected))
        assert found.deviation == pytest.approx(np.std(expected, ddof=1))
        assert found.low < found.value < found.high


def test_a_difference_of_differences() -> None:
    arms = [guessed(right, seed=k) for k, right in enumerate((0.9, 0.4, 0.5, 0.6))]
    one, two, three, four = (difference(measure.ACCURACY, [arm]).value for arm in arms)
    assert difference(measure.ACCURACY, arms[:2], arms[2:]).value == pytest.approx(one + two - three - four)


def test_a_scarce_genre_with_few_artists_is_marked() -> None:
    few = guessed(0.5, seed=1, clips=40)
    assert difference(recall_of("jazz"), [few]).few
    assert not difference(measure.ACCURACY, [few]).few


def test_only_the_same_clips_and_seeds_are_compared() -> None:
    with pytest.raises(ValueError, match="not tested on the same clips"):
        difference(measure.ACCURACY, [guessed(0.5, seed=1)], [guessed(0.5, seed=1, clips=40)])
    one = guessed(0.5, seed=1, seeds=1)
    assert difference(measure.ACCURACY, [guessed(0.5, seed=1)], [one]).deviation is None


def test_only_the_scarce_genres_training_clips_are_cut(tmp_path: Path) -> None:
    clips = [
        Clip(f"{genre}/{a}-{t}", tmp_path / "sound" / f"{genre}-{a}-{t}.flac", genre, f"{genre} {a}", f"song {a} {t}")
        for genre, a, t in itertools.product(GENRES, range(20), range(4))
    ]
    sides = Holdout(test=0.2, val=0.2, seed=0, grouped=True, allow_leak=False).assign(clips)
    kept = scarce.cut(clips, sides)
    assert kept == scarce.cut(clips, sides), "the same clips each time"
    before, after = defaultdict(list), defaultdict(list)
    for clip, side in zip(clips, sides, strict=True):
        before[clip.genre, side].append(clip.name)
    for clip in kept:
        after[clip.genre, clip.subset].append(clip.name)
    cut = (scarce.GENRE, "train")
    assert {key: names for key, names in before.items() if key != cut} == {k: n for k, n in after.items() if k != cut}
    assert (len(before[cut]), len(after[cut])) == (48, 5)
    assert set(after[cut]) < set(before[cut])

    (tmp_path / "sound").mkdir()
    for clip in kept:
        clip.path.touch()
    scarce.save(tmp_path / "study" / "imbalance.csv", kept)
    read = Manifest(str(tmp_path / "study" / "imbalance.csv"), genres=None).corpus().clips
    assert [(clip.genre, clip.artist, clip.track) for clip in read] == [(c.genre, c.artist, c.track) for c in kept]
    assert Official(file=None, seed=0, allow_leak=False).assign(read) == [clip.subset for clip in kept]


def test_a_genre_without_training_clips_cannot_be_cut() -> None:
    with pytest.raises(ValueError, match="No training clip is of metal"):
        scarce.cut([Clip("a", Path("a"), "jazz")], ["train"])


def test_every_choice_of_the_plan_is_there() -> None:
    words = {word for sweep in plan.PLAN for arm in sweep.arms for word in arm.split()}
    choices = {word: word.replace("=", "/") for word in words if "." not in word.split("=")[0]}
    assert not {word for word, path in choices.items() if not (configs.CONF / f"{path}.yaml").exists()}


def test_every_key_of_the_plan_is_hydras() -> None:
    """Where an arm does not compose, its key is the arm itself."""
    keyed = [arm for sweep in plan.PLAN if sweep.name in ("cells", "loss") for arm in sweep.arms]
    assert not [arm for arm in (*keyed, f"{HYBRID} {plan.BARE}") if plan.key(arm) == arm]


def test_one_experiment_in_two_words_is_one_arm() -> None:
    usual = ("model.cell=gru", "augmentation=spectrogram", "loss=cross_entropy loss.label_smoothing=0.0")
    assert {plan.key(f"{HYBRID} {words}") for words in usual} == {plan.key(HYBRID)}
    assert plan.key(HYBRID) != plan.key(f"{HYBRID} model.cell=rnn")


def test_arms_of_the_claims_and_tables_are_in_the_plan() -> None:
    arms = {arm for sweep in plan.PLAN for arm in sweep.arms}
    assert {arm for claim in claims.CLAIMS for each in claim.contrasts for arm in (*each.plus, *each.minus)} <= arms
    assert {arm for sweep in plan.PLAN for arm in (*sweep.against, *sweep.against.values())} <= arms
    for arm in arms:
        assert (
            plan.arm_of(["python", "dataset=synth", "split.folds=3", *arm.split(), "seed=1", "hydra.run.dir=x"]) == arm
        )
    assert plan.arm_of(["model=svm"]) is None


@pytest.mark.usefixtures("words_alone")
def test_no_judged_job_is_run_twice() -> None:
    commands = [command for command in plan.commands(["synth", "music"]) if command.sweep.against]
    jobs = [(command.data, plan.key(command.arm), seed) for command in commands for seed in command.seeds]
    assert len(jobs) == len(set(jobs))
    assert not list(plan.commands(["music"], ["imbalance"]))
    [*_, cnn] = [command for command in plan.commands(["music"], ["architectures"]) if command.arm == CNN]
    assert cnn.jobs == 9
    words = cnn.words(Path("out"), {"music": Path("it's here/manifest.csv")})
    named = {"seed=0,1,2", "split.fold=range(0,3)", "trainer.threads=1", "hydra.sweep.dir=out/music/architectures", CNN}
    assert named <= set(words)
    assert r"dataset.path='it\'s here/manifest.csv'" in words


@pytest.mark.usefixtures("words_alone")
def test_a_failed_sweep_is_named_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(execute, "_train", lambda command, *_: int(command.arm == RNN))
    monkeypatch.setattr(execute, "_table", lambda sweep: 0)
    assert main(["run", "synth", "--only", "models", "imbalance", "--folder", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines() == ["synth models: 9 jobs", "synth imbalance: 12 jobs"]
    assert [line for line in printed.err.splitlines() if "Failed" in line] == [f"Failed: synth models: {RNN}"]
    with open(tmp_path / execute.SECONDS, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["exit_status"] for row in rows] == ["0", "1", *["0"] * 11]


def test_music_needs_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "music"]) == 1
    assert "--music DIR/manifest.csv" in capsys.readouterr().err


@pytest.mark.usefixtures("words_alone")
def test_folds_are_pooled_and_the_newest_run_counts(tmp_path: Path) -> None:
    for seed, fold in itertools.product((0, 1), range(3)):
        trained(tmp_path, CNN, seed, fold)
    trained(tmp_path, CNN, seed=2, fold=0)  # its other folds are missing
    older = trained(tmp_path / "older", CNN, seed=0, fold=0, optimizer__lr=0.1)
    written = json.loads((older / "environment.json").read_text())
    (older / "environment.json").write_text(json.dumps(written | {"finished": "2024-01-01"}))
    found, notes = answers.read(tmp_path)
    assert (found[CNN].seeds, len(found[CNN].clips), found[CNN].predicted_SK.shape) == ([0, 1], 120, (2, 120))
    assert len(notes) == 1
    assert f"{older} is older" in notes[0]


@pytest.mark.usefixtures("words_alone")
def test_runs_of_other_settings_are_no_seeds(tmp_path: Path) -> None:
    trained(tmp_path, CNN, seed=0)
    trained(tmp_path, CNN, seed=1, optimizer__lr=0.1)
    found, notes = answers.read(tmp_path)
    assert not found
    assert "differ in settings" in notes[0]


@pytest.mark.usefixtures("words_alone")
def test_the_report_judges_what_is_there_and_names_what_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(3):
        for arm, skill in ((CNN, 9.0), (RNN, 0.0), (HYBRID, 0.0)):
            trained(tmp_path / "synth" / "architectures", arm, seed, skill=skill)
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
    assert "- synth augmentation: all of it" in page
    assert "- synth models: rnn" not in page
    assert "- music architectures: all of it" in page
    assert "2 minutes of computing, in 2 commands." in page


@pytest.mark.usefixtures("words_alone")
def test_a_genre_that_the_data_lacks_is_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "PAPERS", ["classical", "electronic", "metal"])
    for arm in (CNN, RNN, HYBRID):
        trained(tmp_path / "music" / "architectures", arm)
    page = report.markdown(tmp_path)
    jazz = next(line for line in page.splitlines() if "excelled in jazz" in line)
    assert f"**{claims.NOT_HERE}**" in jazz
    assert "no jazz" in jazz
    assert "n/a" in next(line for line in page.splitlines() if line.startswith("| cnn, here"))


def test_no_runs_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--folder", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"study: {tmp_path} holds no finished run")
