"""Every command of README.md and docs/: the quick ones are run, all others are parsed as their program parses them."""

import ast
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from src import compare, config_reference, evaluate, explain, predict, relations, report, robustness
from src.config import compose
from src.console import Parser
from src.judging import command as evaluate_command
from src.sensitivity import conditions
from src.settings.words import NEW_ENTRIES
from src.sweep import wandb_grid
from tests.conftest import ROOT, tone, write

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]
PYTHON = ".venv/bin/python"


def commands() -> list[tuple[str, str]]:
    """(page, command) of each line of the shell blocks; a backslash joins lines, a comment is left out."""
    found = []
    for page in PAGES:
        for block in re.findall(r"^```(?:sh|console)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
            lines = block.replace("\\\n", " ").splitlines()
            is_console = any(line.startswith("$ ") for line in lines)
            lines = [line[2:] for line in lines if line.startswith("$ ")] if is_console else lines
            texts = [shlex.join(shlex.split(line, comments=True)) for line in lines]
            found += [(str(page.relative_to(ROOT)), text) for text in texts if text]
    return found


COMMANDS = commands()


def words_of(command: str) -> list[str]:
    """The words up to a pipe or a redirection; of torchrun, those of the program that it starts."""
    words = shlex.split(command)
    if words[0].endswith("/torchrun"):
        words = [PYTHON, *words[words.index("-m") :]]
    ends = [k for k, word in enumerate(words) if word in ("|", ">", ">>", "<", "&&")]
    return words[: ends[0]] if ends else words


def test_there_are_many() -> None:
    assert len(COMMANDS) > 80


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=[f"{page}: {command[:60]}" for page, command in COMMANDS])
def test_a_command_is_one_that_its_program_takes(page: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = words_of(command)
    if words[0] == "make":
        settings = [word for word in words[1:] if "=" in word]
        targets = [word for word in words[1:] if "=" not in word]
        done = subprocess.run(
            ["make", "-n", *targets, *settings], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    elif words[0] == PYTHON and words[1] == "-m":
        program, arguments = words[2], words[3:]
        if program in ("src.train", "src.audit"):
            if not {*arguments} & own_choices(page):
                takes_overrides(program, arguments)
        elif program == "src.evaluate":
            evaluate_command.read(evaluate._options(arguments).settings)
        elif program == "src.predict":
            predict._options(arguments)
        elif program == "src.robustness":
            conditions.read(robustness._options(arguments).only)
        elif program == "src.explain":
            explain._options(arguments)
        elif program == "src.compare":
            compare._options(arguments)
        elif program == "src.relations":
            relations._options(arguments)
        elif program == "src.wandb_sweep":
            assert wandb_grid.grid(arguments)
        elif program == "src.report":
            parse_only(monkeypatch, report.main, arguments)
        else:
            assert find_spec(program), f"{page} runs {program}, which is not there"
    elif words[0] == ".venv/bin/wandb":
        assert words[1] in ("login", "sync", "leet", "sweep", "agent")
    elif words[0] == ".venv/bin/tensorboard":
        assert words[1] == "--logdir"
    elif words[0] in (PYTHON, "python"):
        assert (ROOT / words[1]).is_file() or find_spec(words[2])
    else:
        assert words[0] in ("git", "find", "pre-commit", "docker", "ray", "export", "cd"), f"{page}: {command}"


def own_choices(page: str) -> set[str]:
    """The choices that a page adds itself, which test_extension.py tries."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return {f"{group}={choice}" for group, choice in re.findall(r"^# conf/(\w+)/(\w+)\.yaml", text, re.M)}


def takes_overrides(program: str, arguments: list[str]) -> None:
    """Compose what a Hydra command line asks for; of a sweep, its first job."""
    if "--help-key" in arguments:
        assert config_reference.describe_key(arguments[arguments.index("--help-key") + 1])
        return
    overrides = [word for word in arguments if not word.startswith("--") and word != "job"]
    # As `settings.words` does: Hydra knows no entry of a mapping that is null by default.
    overrides = [f"+{word}" if word.startswith(NEW_ENTRIES) else word for word in overrides]
    first = []
    for override in OverridesParser.create().parse_overrides(overrides):
        needs_extra = override.key_or_group == "launcher" or override.input_line == "sweep=optuna"
        if override.is_hydra_override() or needs_extra:
            continue  # tried by the tests of launchers and sweeps
        if override.is_interval_sweep():
            first.append(f"{override.key_or_group}={override.value().start}")
        elif override.is_sweep_override():
            first.append(f"{override.key_or_group}={next(iter(override.sweep_string_iterator()))}")
        else:
            first.append(str(override.input_line))
    OmegaConf.to_container(compose(*first, name=program.removeprefix("src.")), resolve=False)


def parse_only(monkeypatch: pytest.MonkeyPatch, main: object, arguments: list[str]) -> None:
    """Let a program read its arguments, and stop before it acts on them."""

    class Parsed(Exception):
        pass

    def stop(self: Parser, given: list[str]) -> None:
        super(Parser, self).parse_args(given)
        raise Parsed

    monkeypatch.setattr(Parser, "parse_args", stop)
    with pytest.raises(Parsed):
        main(arguments)  # type: ignore[operator]


QUICK = [
    (page, command)
    for page, command in COMMANDS
    if words_of(command)[:3] == [PYTHON, "-m", "src.predict"] and "--run" not in command and " - " not in f"{command} "
]


@pytest.mark.parametrize(("page", "command"), QUICK, ids=[command[:70] for _, command in QUICK])
def test_predictions_without_a_run_work_when_pasted(
    page: str,
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    efficientat: Path,
    request: pytest.FixtureRequest,
) -> None:
    arguments = words_of(command)[3:]
    (tmp_path / "FILE").write_bytes(efficientat.read_bytes())  # --weights efficientat:FILE
    if "clap:DIR" in arguments:
        arguments[arguments.index("clap:DIR")] = f"clap:{request.getfixturevalue('networks')('clap')}"
    for word in arguments:
        if word.endswith((".mp3", ".flac", ".ogg", ".wav")):
            write(tmp_path / word, 0.1 * np.random.default_rng(0).standard_normal(22050), 22050)
        elif word.isupper() or word in ("music", "songs"):
            tone(tmp_path / word / "jazz" / "a.wav")
    monkeypatch.chdir(tmp_path)
    status = predict.main([*arguments, "--threads", "1"] if "--version" not in arguments else arguments)
    assert status == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["--cfg", "job"], ["--help-key", "optimizer.lr"]])
def test_what_train_prints_without_training_works(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "src.train", *arguments]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=300).stdout


def test_help_ends_quietly_when_its_reader_has_seen_enough() -> None:
    command = f"{shlex.quote(sys.executable)} -m src.train --help | head -1"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.stdout.count("\n") == 1
    assert not done.stderr


def test_links_lead_to_files() -> None:
    missing = []
    for page in PAGES:
        targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        ours = (target for target in targets if not target.startswith("http"))
        missing += [f"{page.name}: {target}" for target in ours if not (page.parent / target).exists()]
    assert not missing


def test_links_lead_to_headings() -> None:
    missing = []
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([^)#]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
            file = page if not target else page.parent / target
            if not target.startswith("http") and file.suffix == ".md" and anchor not in headings(file):
                missing.append(f"{page.name}: {target}#{anchor}")
    assert not missing


def headings(page: Path) -> set[str]:
    """The anchors that a forge makes of a page's headings."""
    lines = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S).splitlines()
    titles = [line.lstrip("#").strip() for line in lines if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def texts_of_the_programs() -> list[str]:
    """The texts in the code and the Makefile; a value that an f-string inserts is a NUL."""
    texts = [(ROOT / "Makefile").read_text(encoding="utf-8")]
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "\0" for part in node.values]
                texts.append("".join(map(str, parts)))
    return texts


def test_troubleshooting_quotes_messages_that_the_programs_print() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    quotes = [" ".join(quote.split()) for quote in re.findall(r"\*\*`(.+?)`\*\*", page, re.S)]
    texts = texts_of_the_programs()
    assert len(quotes) > 100
    unknown = [
        (quote, part)
        for quote in quotes
        for part in (piece.strip(" :,.") for piece in quote.split("…"))  # "…" stands for values, or for the rest
        if len(part) > 3 and not any(part in text for text in texts)
    ]
    assert not unknown
