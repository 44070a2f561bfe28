"""The program `explain` in words, as a user sees it: groups of rows, tags, nearest training clips, and --global."""

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from src import explain
from src.explanation import training_clips
from src.rundir import RunDir
from tests.programs import Program, in_process, small, train

SETTINGS = {
    "svm": ("feature=timbre", "model=svm"),
    "few": ("experiment=few", "feature.network=msd"),
    "majority": ("model=majority",),
}


@pytest.fixture
def run_explain(capsys: pytest.CaptureFixture[str]) -> Program:
    """`python -m src.explain ARGUMENTS...` in this process -> its exit status, standard output and standard error."""
    return in_process(explain.main, capsys)


@pytest.fixture(scope="module")
def runs(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Finished runs of the tiny corpus on copies of its clips: 3 genres of 4 artists, 2 of them in training."""
    folder = tmp_path_factory.mktemp("runs")
    shutil.copytree(tiny.parent, folder / "music")
    with pytest.MonkeyPatch.context() as patch:
        for name, settings in SETTINGS.items():
            words = small(folder / "music" / tiny.name, folder / name, *settings)
            assert train(patch, *(word for word in words if word != "model.width=4")) == 0
    return {name: folder / name for name in SETTINGS}


def content(folder: Path, name: str = "explanation.json") -> dict[str, Any]:
    result: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return result


def clip_of(run: Path, subset: str) -> str:
    return next(str(row["clip"]) for row in RunDir(run).split if row["set"] == subset)


def test_an_svm_on_a_combined_feature_is_explained_by_timbre_and_level(
    run_explain: Program, runs: dict[str, Path], tmp_path: Path
) -> None:
    file = runs["svm"].parent / "music" / clip_of(runs["svm"], "test")
    assert run_explain(runs["svm"], file, "--output", tmp_path / "why")[0] == 0
    (clip,) = content(tmp_path / "why")["clips"]
    groups = clip["row_groups"]
    assert {name: row["rows"] for name, row in groups["groups"].items()} == {"timbre": 31, "level": 2}
    shares = [row["share_nats"] for row in groups["groups"].values()]
    assert sum(shares) == pytest.approx(groups["total_nats"])
    alone = [row["alone_nats"] for row in groups["groups"].values()]
    assert groups["interaction_nats"] == pytest.approx(groups["total_nats"] - sum(alone))
    probabilities = clip["probabilities"]
    margin = np.log(probabilities[clip["predicted"]] / probabilities[clip["rival"]])
    assert groups["margin_nats"] == pytest.approx(margin, abs=1e-4)
    page = (tmp_path / "why" / "explanation.html").read_text(encoding="utf-8")
    assert groups["sentences"][0].split(" by ")[0] in page
    assert "No tags: the feature does not come from musicnn or EfficientAT" in clip["tags"]["sentences"][0]


def test_the_nearest_training_clips_can_be_heard(run_explain: Program, runs: dict[str, Path], tmp_path: Path) -> None:
    run = runs["svm"]
    training = {str(row["clip"]): row["genre"] for row in RunDir(run).split if row["set"] == "train"}
    file = run.parent / "music" / clip_of(run, "train")
    assert run_explain(run, file, "--output", tmp_path / "why")[0] == 0
    (clip,) = content(tmp_path / "why")["clips"]
    near = clip["neighbours"]
    assert near["training_clips"] == len(training) == 12
    assert [each["genre"] for each in near["clips"]] == [clip["predicted"]] * 3 + [clip["rival"]] * 3
    assert all(training[each["clip"]] == each["genre"] for each in near["clips"])
    assert near["clips"][0]["clip"] == clip_of(run, "train")  # the same file, under another name
    assert near["clips"][0]["cosine"] == pytest.approx(1, abs=1e-3)
    for each in near["clips"]:
        wave_T, rate = soundfile.read(tmp_path / "why" / each["sound"])
        assert len(wave_T) / rate == pytest.approx(2, abs=0.1)
        assert each["sound"] in (tmp_path / "why" / "explanation.html").read_text(encoding="utf-8")


def test_training_clips_are_read_once_and_again_for_another_model(
    run_explain: Program, runs: dict[str, Path], tmp_path: Path
) -> None:
    run = shutil.copytree(runs["svm"], tmp_path / "run")
    file = runs["svm"].parent / "music" / clip_of(run, "test")
    (run / training_clips.FILE).unlink(missing_ok=True)
    first = run_explain(run, file, "--output", tmp_path / "a")
    assert "Reading the training clips, once" in first[2]
    assert "Reading the training clips" not in run_explain(run, file, "--output", tmp_path / "b")[2]
    before, after = (content(tmp_path / name)["clips"][0] for name in "ab")
    assert before["neighbours"] == after["neighbours"]
    (run / training_clips.FILE).write_bytes(b"broken")
    assert "Reading the training clips, once" in run_explain(run, file, "--output", tmp_path / "c")[2]
    assert content(tmp_path / "c")["clips"][0]["neighbours"] == before["neighbours"]


def hostile(arrays: dict[str, Any], name: str, value: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{**arrays, name: value})
    return buffer.getvalue()


def claims_a_petabyte(arrays: dict[str, Any]) -> bytes:
    """A file whose array says that it has 10^15 numbers."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**6)})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("embedding_KE.npy", header.getvalue())
    return buffer.getvalue()


def test_a_hostile_file_of_training_clips_is_ignored_and_runs_nothing(
    run_explain: Program, runs: dict[str, Path], tmp_path: Path
) -> None:
    run = shutil.copytree(runs["svm"], tmp_path / "run")
    file = runs["svm"].parent / "music" / clip_of(run, "test")
    assert run_explain(run, file, "--output", tmp_path / "first")[0] == 0
    expected = content(tmp_path / "first")["clips"][0]["neighbours"]
    with np.load(run / training_clips.FILE) as stored:
        arrays = {name: stored[name] for name in stored.files}
    mark = tmp_path / "mark"
    clips, genres = arrays["logits_KC"].shape
    pickled = np.empty((clips, genres), object)
    pickled[:] = RunsCode(str(mark))
    contents = {
        "pickle": hostile(arrays, "logits_KC", pickled),
        "rows": hostile(arrays, "embedding_KE", arrays["embedding_KE"][1:]),
        "columns": hostile(arrays, "logits_KC", arrays["logits_KC"][:, 1:]),
        "mean": hostile(arrays, "mean_FN", np.zeros((0, 7))),
        "flat": hostile(arrays, "logits_KC", np.zeros(3)),
        "not numbers": hostile(arrays, "logits_KC", np.full((clips, genres), np.nan)),
        "text": hostile(arrays, "embedding_KE", arrays["embedding_KE"].astype(str)),
        "petabyte": claims_a_petabyte(arrays),
    }
    for name, written in contents.items():
        (run / training_clips.FILE).write_bytes(written)
        status, _, err = run_explain(run, file, "--output", tmp_path / name)
        assert status == 0, name
        assert "Reading the training clips, once" in err, name
        assert content(tmp_path / name)["clips"][0]["neighbours"] == expected, name
    assert not mark.exists()
    (run / training_clips.FILE).write_bytes(hostile(arrays, "embedding_KE", arrays["embedding_KE"][:, 1:]))
    assert run_explain(run, file, "--output", tmp_path / "narrow")[0] == 0
    (sentence,) = content(tmp_path / "narrow")["clips"][0]["neighbours"]["sentences"]
    assert "training_clips.npz has other embeddings; delete it" in sentence


class RunsCode:
    """An object that makes a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (self.path, "w")


def test_the_reason_is_given_why_training_clips_are_not_at_hand(
    run_explain: Program, runs: dict[str, Path], tmp_path: Path
) -> None:
    music = shutil.copytree(runs["svm"].parent / "music", tmp_path / "music")
    run = shutil.copytree(runs["svm"], tmp_path / "run")
    config = (run / "config.yaml").read_text(encoding="utf-8")
    (run / "config.yaml").write_text(config.replace(str(runs["svm"].parent / "music"), str(music)), encoding="utf-8")
    song = shutil.copy(music / clip_of(run, "test"), tmp_path / "song.wav")

    def reason(name: str) -> str:
        (run / training_clips.FILE).unlink(missing_ok=True)
        status, _, _ = run_explain(run, song, "--output", tmp_path / name)
        assert status == 0
        (sentence,) = content(tmp_path / name)["clips"][0]["neighbours"]["sentences"]
        assert "because the training clips are not at hand" in sentence
        return str(sentence)

    split = (run / "split.csv").read_text(encoding="utf-8")
    (run / "split.csv").write_text(split.replace(",train", ",trian"), encoding="utf-8")
    assert "split.csv" in reason("split")
    (run / "split.csv").write_text(split, encoding="utf-8")
    (music / clip_of(run, "train")).unlink()
    assert clip_of(run, "train") in reason("clip")
    (music / "tiny.csv").unlink()
    found = reason("table")
    assert "tiny.csv" in found
    assert "Error in call" not in found


def test_a_bug_does_not_look_like_missing_clips(
    run_explain: Program, runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object) -> None:
        raise IndexError("a bug")

    monkeypatch.setattr(training_clips, "read", bug)
    file = runs["svm"].parent / "music" / clip_of(runs["svm"], "test")
    status, _, err = run_explain(runs["svm"], file, "--output", tmp_path / "why")
    assert status == 1
    assert "IndexError: a bug (unexpected error" in err
    assert not (tmp_path / "why").exists()


def test_without_its_music_a_run_says_what_is_missing(
    run_explain: Program, runs: dict[str, Path], tmp_path: Path
) -> None:
    run, music = runs["svm"], runs["svm"].parent / "music"
    file = shutil.copy(music / clip_of(run, "test"), tmp_path / "song.wav")
    music.rename(tmp_path / "moved")
    try:
        status, _, _ = run_explain(run, file, "--output", tmp_path / "why")
        refused = run_explain(run, "--global", "--output", tmp_path / "genres")
    finally:
        (tmp_path / "moved").rename(music)
    assert status == 0
    (clip,) = content(tmp_path / "why")["clips"]
    assert clip["row_groups"]["groups"]  # they need no training clips
    assert "because the training clips are not at hand" in clip["neighbours"]["sentences"][0]
    assert "tiny.csv" in clip["neighbours"]["sentences"][0]
    assert refused[0] == 1
    assert "--global needs the clips of" in refused[2]


@pytest.mark.slow
def test_a_model_on_embeddings_is_explained_by_tags(
    run_explain: Program, runs: dict[str, Path], tmp_path: Path
) -> None:
    run = runs["few"]
    file = run.parent / "music" / clip_of(run, "test")
    assert run_explain(run, file, "--output", tmp_path / "why")[0] == 0
    (clip,) = content(tmp_path / "why")["clips"]
    tags = clip["tags"]
    assert tags["kind"] == "related"
    assert tags["tags"]
    for each in tags["tags"]:
        assert each["tag"].startswith("msd/")
        low, high = each["correlation_interval"]
        assert low > 0 or high < 0
    assert "The model does not read these tags" in tags["sentences"][-1]
    assert "All rows of the feature are musicnn msd" in clip["row_groups"]["sentences"][0]
    status, out, err = run_explain(run, "--global", "--output", tmp_path / "genres")
    assert (status, err.count("Traceback")) == (0, 0)
    assert "Drop in accuracy" in out
    found = content(tmp_path / "genres", "genres.json")
    assert all(genre["tags"] for genre in found["genres"].values())
    assert list(found["permutation"]) == ["all rows"]


def test_genres_of_an_svm(run_explain: Program, runs: dict[str, Path], tmp_path: Path) -> None:
    status, out, err = run_explain(runs["svm"], "--global", "--output", tmp_path / "genres")
    assert status == 0, err
    assert out.splitlines()[-1] == str(tmp_path / "genres" / "genres.html")
    found = content(tmp_path / "genres", "genres.json")
    assert set(found["genres"]) == {"bell", "drone", "snare"}
    assert found["clips"] == found["test_clips"] == 6
    assert list(found["permutation"]) == ["timbre", "level", "all rows"]
    for genre in found["genres"].values():
        assert genre["clips"] == 2
        assert genre["artists"] == 1
        assert [group["name"] for group in genre["groups"]] == ["timbre", "level"]
        sums = sum(group["nats"]["mean"] for group in genre["groups"])
        assert sums == pytest.approx(genre["total"]["mean"])
        assert {part["name"] for part in genre["parts"]} > {"mfcc", "centroid"}
    recall = {name: genre["groups"][0]["recall_drop"]["mean"] for name, genre in found["genres"].items()}
    accuracy = found["permutation"]["timbre"]["accuracy_drop"]["mean"]
    assert np.mean(list(recall.values())) == pytest.approx(accuracy)  # the genres have equally many clips
    page = (tmp_path / "genres" / "genres.html").read_text(encoding="utf-8")
    assert "Accuracy without a group" in page
    assert "There are no bands" in page


def test_a_model_without_embedding_and_groups_says_so(
    run_explain: Program, runs: dict[str, Path], tmp_path: Path
) -> None:
    file = runs["majority"].parent / "music" / clip_of(runs["majority"], "test")
    assert run_explain(runs["majority"], file, "--output", tmp_path / "why")[0] == 0
    (clip,) = content(tmp_path / "why")["clips"]
    assert clip["neighbours"]["sentences"] == [
        "No nearest training clips: model=majority computes nothing between the feature and its answer."
    ]
    assert clip["row_groups"]["sentences"] == ["There are no groups of rows to compare: the model reads no feature."]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--global", "song.wav"), "song.wav: --global explains the test clips of the run."),
        (("--global", "--test"), "Name one of them."),
        (("--global", "--method", "gradcam"), "--method, --excerpt and --no-sounds are not for --global."),
        (("--global", "--clips", "0"), "expected a whole number of 1 or more"),
        (("--global", "model=cnn"), "the run decides this"),
        (("--global", "dataset.rot=DIR"), "explain: dataset.rot: there is no such key. dataset has the keys"),
        (("--global", "dataset=folder", "dataset.root=DIR"), "--global explains the run's own test clips"),
    ],
)
def test_bad_input_of_global_gets_one_message(
    run_explain: Program, runs: dict[str, Path], arguments: tuple[str, ...], expected: str
) -> None:
    status, out, err = run_explain(runs["svm"], *arguments)
    assert status == 1
    assert out == ""
    assert expected in err
