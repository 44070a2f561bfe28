"""Runs from strangers: planted code, planted checkpoints and broken files. Nothing of them may run or stop other runs."""

import json
import os
import pickle
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from src import compare, predict, report, rundir
from src.evaluation.groups import group_by_config
from src.inference.recognizer import Recognizer
from src.reporting import run_page, sweep_page
from src.rundir import RunDir
from tests.programs import small, train
from tests.rundirs import config, write_run


@pytest.fixture(scope="module")
def real(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run of the tiny corpus."""
    folder = tmp_path_factory.mktemp("real") / "run"
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *small(tiny, folder)) == 0
    return folder


@pytest.fixture
def run(real: Path, tmp_path: Path) -> Path:
    """A copy of the real run, to be changed."""
    return Path(shutil.copytree(real, tmp_path / "run"))


def plant(run: Path, place: str, node: Any) -> None:
    """Set a key of config.yaml: plant(run, "model.cell", ...)."""
    path = run / rundir.CONFIG
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    *parents, last = place.split(".")
    target = content
    for key in parents:
        target = target.setdefault(key, {})
    target[last] = node
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


# Where code is planted, its `_target_`, and its arguments; CANARY becomes the path of a file that must not appear.
PLANTED: list[tuple[str, Any, dict[str, Any]]] = [
    ("model", "torch.load", {"f": "EVIL", "weights_only": False}),
    ("model", "joblib.load", {"filename": "EVIL"}),
    ("model", "numpy.load", {"file": "EVIL", "allow_pickle": True}),
    ("model", "torch.hub.load", {"repo_or_dir": "FOLDER", "model": "evil", "source": "local"}),
    ("model", "shutil.copy", {"src": "EVIL", "dst": "CANARY"}),
    ("model", "builtins.open", {"file": "CANARY", "mode": "w"}),
    ("feature", "builtins.exec", {"_args_": ["open('CANARY', 'w')"]}),
    ("feature", "os.system", {"command": "touch CANARY"}),
    ("feature", "subprocess.check_output", {"args": ["touch", "CANARY"]}),
    ("normalization", "pathlib.Path.touch", {"self": "CANARY"}),
    ("normalization", "os.mkdir", {"path": "CANARY"}),
    ("model", "src.wavemap.shutil.rmtree", {"path": "FOLDER"}),
    ("model", "src.model.cnn.torch.load", {"f": "EVIL", "weights_only": False}),
    ("feature", "src.feature.feature.torch.load", {"f": "EVIL", "weights_only": False}),
    ("model", "src.training.run_writer.os.replace", {"src": "EVIL", "dst": "CANARY"}),
    ("model", "src.reporting.render.save", {"path": "CANARY", "text": "evil"}),
    ("model", "src.plain_files.write_csv", {"path": "CANARY", "header": [], "rows": []}),
    ("normalization", "src.normalization.torch.load", {"f": "EVIL", "weights_only": False}),
    ("model", "src.loss.torch.save", {"obj": 1, "f": "CANARY"}),
    ("model", "src.dataset.Folder", {"root": "FOLDER"}),  # a class of this project, but of another group
    ("model", "src.model.cnn", {}),  # a module
    ("model", "src.model..Cnn", {}),
    ("model", "evil_module.Model", {}),
    ("model", ["torch.load"], {}),
    ("model", {"a": 1}, {}),
    ("optimizer", "builtins.eval", {"_args_": ["open('CANARY', 'w')"]}),
    ("logger", "src.training.loggers.library", {}),
    ("scheduler", "torch.hub.load", {"repo_or_dir": "FOLDER", "model": "evil", "source": "local"}),
    ("trainer", "src.training.trainer.torch.load", {"f": "EVIL"}),
    ("dataset", "builtins.open", {"file": "CANARY", "mode": "w"}),
    ("model.cell", "builtins.open", {"file": "CANARY", "mode": "w"}),  # nested in a setting
    ("feature.parts.first.part", "builtins.open", {"file": "CANARY", "mode": "w"}),
    ("audio.extra", "builtins.open", {"file": "CANARY", "mode": "w"}),
    ("new_group", "builtins.open", {"file": "CANARY", "mode": "w"}),
]


class Evil:
    """An object that makes a file when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return open, (str(self.canary), "w")


def everywhere(run: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[tuple[str, str]]:
    """Try to load a run with each program; yield the name of the program and its message. All must fail."""
    capsys.readouterr()
    for name, program, arguments in (
        ("predict", predict.main, [str(run / rundir.CONFIG), "--run", str(run)]),
        ("report", report.main, [str(run)]),
        ("compare", compare.main, [str(run), str(run)]),
    ):
        assert program(arguments) == 1, name
        yield name, capsys.readouterr().err
    with pytest.raises(ValueError, match=r"config\.yaml") as caught:
        Recognizer.load(run)
    yield "Recognizer", str(caught.value)


@pytest.mark.parametrize(
    ("place", "target", "settings"), PLANTED, ids=[f"{place}-{target}" for place, target, _ in PLANTED]
)
@pytest.mark.parametrize("nesting", ["plain", "in a list", "partial"])
def test_planted_code_is_refused_before_anything_is_called(
    place: str,
    target: Any,
    settings: dict[str, Any],
    nesting: str,
    run: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    canary, modules = run.parent / "canary", run.parent / "modules"
    modules.mkdir()
    for name in ("evil_module.py", "hubconf.py"):
        (modules / name).write_text(f"open({str(canary)!r}, 'w')\nclass Model: pass\ndef evil(): pass\n")
    monkeypatch.syspath_prepend(str(modules))
    (run.parent / "evil").write_bytes(pickle.dumps(Evil(canary)))
    words = {"CANARY": str(canary), "EVIL": str(run.parent / "evil"), "FOLDER": str(modules)}
    text = json.dumps(settings)
    for word, path in words.items():
        text = text.replace(word, path)
    node = {"_target_": target, **json.loads(text)} | ({"_partial_": True} if nesting == "partial" else {})
    plant(run, place, [node] if nesting == "in a list" else node)
    for program, message in everywhere(run, capsys):
        assert "config.yaml" in message, program
        assert "_target_" in message or "_args_" in message, program
        assert len(message) < 700, program
    assert not canary.exists()
    assert modules.is_dir()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("model.width", "${oc.env:SECRET}"),
        ("dataset.path", "${oc.decode:${oc.env:SECRET}}"),
        ("seed", "${not:${oc.env:SECRET}}"),
        ("model.cell", "${"),
        ("${oc.env:SECRET}", 1),
        ("model._args_", [1]),
        ("model._partial_", "yes"),
        ("feature._convert_", "builtins.open"),
        ("optimizer._recursive_", []),
    ],
)
def test_interpolations_and_special_keys_are_refused(
    place: str, value: Any, run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "correct horse")
    if place.startswith("$"):
        content = yaml.safe_load((run / rundir.CONFIG).read_text(encoding="utf-8"))
        (run / rundir.CONFIG).write_text(yaml.safe_dump(content | {place: value}), encoding="utf-8")
    else:
        plant(run, place, value)
    for program, message in everywhere(run, capsys):
        assert "config.yaml" in message, program
        assert "correct horse" not in message, program


CONFIGS = {
    "an alias bomb": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n",
    "nested 1,000 deep": "a: " + "[" * 1000 + "]" * 1000,
    "nested 100,000 deep": "a: " + "[" * 100_000,
    "nested blocks": "".join(f"{' ' * k}a:\n" for k in range(1000)),
    "10 MB": "a: b\n" + "# " * 5_000_000,
    "a tag": "a: !!python/object/apply:os.system ['true']",
    "a path": "a: !!python/object/apply:pathlib.Path ['x']",
    "binary": "a: !!binary aGVsbG8=",
    "two documents": "a: 1\n---\nb: 2\n",
    "a list": "- 1\n- 2\n",
    "nothing": "",
    "null": "null",
    "a merge": "a: &a {x: 1}\nb:\n  <<: *a\n",
    "a date": "{? [1, 2] : 3}",
    "control codes": "a: \x1b[2J\n",
}


@pytest.mark.parametrize("content", CONFIGS.values(), ids=CONFIGS.keys())
def test_a_broken_config_costs_one_message(content: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / rundir.CONFIG).write_text(content, encoding="utf-8")
    for program, message in everywhere(run, capsys):
        assert "Traceback" not in message, program
        assert "\x1b" not in message, program


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("model.layers", 10**9),
        ("model.width", 1e300),
        ("model.dropout", float("nan")),
        ("feature.n_mfcc", -1),
        ("audio.sample_rate", 10**12),
        ("data.crop_seconds", 0),
    ],
)
def test_numbers_out_of_range_build_nothing(
    place: str, value: float, run: Path, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(run, place, value)
    started = time.monotonic()
    assert predict.main([str(tiny.parent / "bell" / "bell-0--0.wav"), "--run", str(run)]) == 1
    assert place in capsys.readouterr().err
    assert time.monotonic() - started < 5


def test_the_own_classes_of_a_user_are_loaded_if_their_module_is_trusted(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tiny: Path
) -> None:
    modules = run.parent / "modules"
    modules.mkdir()
    (modules / "my_models.py").write_text("from src.model import Hybrid\nclass Mine(Hybrid): pass\n")
    monkeypatch.syspath_prepend(str(modules))
    plant(run, "model._target_", "my_models.Mine")
    (run / rundir.REPORT).unlink()
    for program, message in everywhere(run, capsys):
        assert "--trust MODULE" in message, program
    assert type(Recognizer.load(run, trust=["my_models"]).classifier.model).__name__ == "Mine"
    assert report.main([str(run), "--trust", "my_models"]) == 0
    assert (run / rundir.REPORT).exists()
    sound = str(tiny.parent / "bell" / "bell-0--0.wav")
    assert predict.main([sound, "--run", str(run), "--trust", "my_models"]) == 0
    # A trusted module is no way to what it imports.
    plant(run, "model._target_", "my_models.Hybrid.register_module")
    assert report.main([str(run), "--trust", "my_models"]) == 1


@pytest.mark.parametrize(
    ("group", "target"),
    [
        ("optimizer", "torch.optim.RMSprop"),
        ("scheduler", "torch.optim.lr_scheduler.CosineAnnealingLR"),
        ("logger", "pytorch_lightning.loggers.TensorBoardLogger"),
        ("model", "src.model.rnn.Rnn"),
        ("dataset", "src.dataset.Composer"),  # a class of an earlier version
    ],
)
def test_listed_library_classes_and_classes_of_the_project_are_accepted(group: str, target: str, run: Path) -> None:
    plant(run, f"{group}._target_", target)
    assert RunDir(run).config[group]["_target_"] == target


def test_all_choices_of_the_project_are_accepted() -> None:
    from src.rundir import untrusted
    from tests.conftest import ROOT

    for path in sorted((ROOT / "conf").glob("*/*.yaml")):
        if path.parent.name in untrusted.OWN or path.parent.name in untrusted.LISTED:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            nodes = content.get(path.parent.name, content)
            untrusted.check_targets(path, {path.parent.name: nodes})


def test_train_composes_freely_and_only_compares_a_planted_config(
    run: Path, tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = run.parent / "canary"
    plant(run, "model", {"_target_": "builtins.open", "file": str(canary), "mode": "w"})
    assert train(monkeypatch, *small(tiny, run, "seed=7")) == 1
    assert "contains a run with other settings" in capsys.readouterr().err
    assert not canary.exists()
    (run.parent / "modules").mkdir()
    (run.parent / "modules" / "my_own.py").write_text("from src.model import Hybrid\nclass Mine(Hybrid): pass\n")
    monkeypatch.syspath_prepend(str(run.parent / "modules"))
    assert train(monkeypatch, *small(tiny, run.parent / "own", "model._target_=my_own.Mine", "data.segments=1")) == 0
    assert (run.parent / "own" / rundir.REPORT).exists()


def evil_checkpoint(path: Path, canary: Path) -> None:
    torch.save({"state_dict": {}, "evil": Evil(canary)}, path)


def zip_bomb(path: Path, canary: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", b"\0" * 50_000_000)


def one_number_as_huge_tensors(path: Path, canary: Path) -> None:
    saved = torch.load(path, weights_only=True)
    huge = {name: torch.zeros(1).expand(10**6, 10**6) for name in saved["state_dict"]}
    torch.save({**saved, "state_dict": huge}, path)


def other_shapes(path: Path, canary: Path) -> None:
    saved = torch.load(path, weights_only=True)
    torch.save({**saved, "state_dict": {name: torch.zeros(2, 3, 4) for name in saved["state_dict"]}}, path)


def texts_for_tensors(path: Path, canary: Path) -> None:
    saved = torch.load(path, weights_only=True)
    torch.save({**saved, "state_dict": dict.fromkeys(saved["state_dict"], "0")}, path)


def half_the_weights(path: Path, canary: Path) -> None:
    saved = torch.load(path, weights_only=True)
    torch.save({**saved, "state_dict": dict(list(saved["state_dict"].items())[::2])}, path)


CHECKPOINTS = [
    evil_checkpoint,
    zip_bomb,
    one_number_as_huge_tensors,
    other_shapes,
    texts_for_tensors,
    half_the_weights,
    lambda path, canary: path.write_bytes(pickle.dumps(Evil(canary))),
    lambda path, canary: path.write_bytes(b""),
    lambda path, canary: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    lambda path, canary: torch.save([1, 2], path),
    lambda path, canary: (path.unlink(), path.mkdir()),
    lambda path, canary: path.unlink(),
    lambda path, canary: (path.unlink(), os.mkfifo(path)),
]


@pytest.mark.parametrize("damage", CHECKPOINTS)
def test_a_planted_or_absurd_checkpoint_costs_one_message(
    damage: Callable[[Path, Path], object], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    canary = run.parent / "canary"
    damage(run / rundir.BEST, canary)
    assert predict.main([str(run / rundir.CONFIG), "--run", str(run)]) == 1
    message = capsys.readouterr().err
    assert str(run) in message
    assert "weights_only" not in message  # torch's own message names the switch that runs the code
    assert not canary.exists()
    assert report.main([str(run)]) == 0  # the report reads no checkpoint


def test_a_model_far_larger_than_its_checkpoint_is_not_built(run: Path) -> None:
    plant(run, "model.width", 2048)  # the largest that a setting may have
    with pytest.raises(ValueError, match=r"the model of the config needs [0-9,]{11,} bytes, but .*best\.ckpt has"):
        Recognizer.load(run)


def test_training_is_not_resumed_from_a_planted_checkpoint(
    run: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    canary = run.parent / "canary"
    content = RunDir(run).config
    (run / rundir.METRICS).unlink()
    evil_checkpoint(run / rundir.LAST, canary)
    status = train(monkeypatch, *small(tiny, run, f"data.cache={content['data']['cache']}"))
    assert not canary.exists()
    assert status == 1
    assert "last.ckpt contains other objects than tensors and plain values" in capsys.readouterr().err


# How a file of a run may be broken. Each makes a problem out of the file's path.
BREAKAGES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "binary": lambda path: path.write_bytes(bytes(range(256)) * 20),
    "10 MB": lambda path: path.write_bytes(b"[" + b"1," * 5_000_000 + b"1]"),
    "deep": lambda path: path.write_text("[" * 100_000 + "]" * 100_000),
    "null": lambda path: path.write_text("null"),
    "a list": lambda path: path.write_text("[]"),
    "an object": lambda path: path.write_text("{}"),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3]),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a loop": lambda path: (path.unlink(), path.symlink_to(path)),
    "elsewhere": lambda path: (path.unlink(), path.symlink_to(__file__)),
    "a device": lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
}
FILES = (rundir.METRICS, rundir.CONFIG, rundir.ENVIRONMENT, rundir.PREDICTIONS, rundir.SPLIT)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("breakage", BREAKAGES.values(), ids=BREAKAGES.keys())
def test_a_broken_run_costs_that_run_alone(
    breakage: Callable[[Path], object], file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = tmp_path / "sweep"
    for seed in range(3):
        write_run(sweep / f"run{seed}", config(seed=seed), clips=20, genres=["jazz", "rock"])
    breakage(sweep / "run1" / file)
    # The last third of a table may be cut without a trace.
    if not readable(sweep / "run1"):
        assert report.main([str(sweep), "--format", "markdown"]) == 0
        shown = capsys.readouterr()
        assert f"report: skipped {sweep / 'run1'}: " in shown.err
        assert file in shown.err
        assert shown.err.count("\n") == 1
        assert "2 runs in 1 group" in shown.out
        assert "Runs left out" in shown.out
        assert report.main([str(sweep / "run1")]) == 1
        assert file in capsys.readouterr().err
        assert compare.main([str(sweep / "run0"), str(sweep / "run1")]) == 1
        assert file in capsys.readouterr().err


def readable(path: Path) -> bool:
    return bool(sweep_page.readable_runs([RunDir(path), RunDir(path.parent / "run0")], pages=False)[0][1:])


WRONG: list[Any] = [None, [], {}, "x", -1, 1e300, True, 0, [[1]], float("nan"), 10**400]


def changed(node: Any) -> Iterator[Any]:
    """Every copy of a JSON value in which one value, at any depth, is wrong or one key is missing."""
    if isinstance(node, dict):
        for key in node:
            for value in (*WRONG, *changed(node[key])):
                yield {**node, key: value}
            yield {name: value for name, value in node.items() if name != key}
    elif isinstance(node, list):
        for k, item in enumerate(node[:1]):
            for value in (*WRONG, *changed(item)):
                yield [*node[:k], value, *node[k + 1 :]]


@pytest.mark.slow
@pytest.mark.parametrize("file", [rundir.METRICS, rundir.ENVIRONMENT])
def test_every_wrong_value_is_named_or_the_page_is_right(file: str, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = run_page._figures(RunDir(run))  # the slow part: drawn once, and tested below
    monkeypatch.setattr(run_page, "_figures", lambda run: figures)
    other = RunDir(write_run(run.parent / "other", config(), clips=20, genres=["jazz", "rock"]))
    content = json.loads((run / file).read_text(encoding="utf-8"))
    for name in {"source", "versions"} & content.keys():
        content[name] = dict(list(content[name].items())[:2])
    cases = list(changed(content))
    assert len(cases) > 200
    refused = 0
    for k, case in enumerate(cases):
        (run / file).write_text(json.dumps(case), encoding="utf-8")
        try:
            runs, skipped = sweep_page.readable_runs([RunDir(run), other], pages=False)
            for page in (run_page.html(RunDir(run)), run_page.markdown(RunDir(run))) if not skipped else ():
                assert "</html>" in page or page.startswith("# ")
            if k % 10 == 0 or not skipped:
                assert len(group_by_config(runs)) == len(runs)
                assert "Runs left out" in sweep_page.markdown(runs, skipped) or not skipped
        except ValueError as error:
            assert file in str(error), case  # noqa: PT017
        refused += bool(skipped)
        assert all(file in reason for _, reason in skipped), skipped
    assert refused > len(cases) / 3


@pytest.mark.slow
@pytest.mark.parametrize("file", [rundir.PREDICTIONS, rundir.CONFUSION, rundir.HISTORY, rundir.SPLIT, rundir.EXCLUDED])
def test_every_wrong_cell_is_named_or_the_page_is_right(file: str, run: Path) -> None:
    lines = (run / file).read_text(encoding="utf-8").splitlines()
    cells = lines[1].split(",") if len(lines) > 1 else []
    for column in range(len(cells)):
        for value in ("", "nan", "inf", "-1", "1e308", "x", "9" * 400, '"', "\0", "a,b"):
            row = ",".join([*cells[:column], value, *cells[column + 1 :]])
            (run / file).write_text("\n".join([lines[0], row, *lines[2:]]) + "\n", encoding="utf-8")
            try:
                assert "</html>" in run_page.html(RunDir(run))
            except ValueError as error:
                assert file in str(error), (column, value)  # noqa: PT017
