"""The comments of conf/ as help: every choice has a summary, every key is found, and docs/reference.md is current."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from src import __version__, errors
from src.config import CONF, GROUPS, compose, leaves
from src.config_reference import choices, describe_key, find_keys, groups_help, program_keys
from tests.conftest import ROOT


@pytest.mark.parametrize("path", sorted(CONF.glob("*/*.yaml")), ids=lambda path: f"{path.parent.name}={path.stem}")
def test_every_choice_says_in_a_line_what_it_is(path: Path) -> None:
    (choice,) = (choice for choice in choices(path.parent.name) if choice.name == path.stem)
    assert 3 <= len(choice.summary) <= 200
    assert "\n" not in choice.summary


def test_help_lists_every_choice_of_every_group() -> None:
    lines = groups_help().splitlines()
    assert [line.rstrip("=") for line in lines if line.endswith("=") and not line.startswith(" ")] == GROUPS
    names = {line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "}
    assert names == {path.stem for path in CONF.glob("*/*.yaml")}
    assert max(map(len, lines)) <= 118


def test_every_key_of_the_default_run_is_explained() -> None:
    config = OmegaConf.to_container(compose())
    keys = [key for key, _ in leaves(config) if not key.rsplit(".", 1)[-1].startswith("_")]
    missing = [key for key in keys if not find_keys(key)]
    assert not missing


def test_a_key_is_described_with_default_and_range() -> None:
    text = describe_key("optimizer.lr")
    assert "optimizer.lr (optimizer=adam), default 0.001, a number above 0, at most 10" in text
    assert describe_key("lr") == text
    assert describe_key("seed").startswith("seed, default 0, a whole number from 0 to 4,294,967,295")


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(ValueError, match="optimizer.rate: no choice has such a key"):
        describe_key("optimizer.rate")


def test_the_programs_keys_have_comments() -> None:
    assert {key.name for key in program_keys("train")} == {"seed", "debug", "report.sounds", "report.map"}
    assert {"labels", "labels_by"} <= {key.name for key in program_keys("audit")}


def test_every_key_has_a_comment_except_lists_of_parts_and_of_tags() -> None:
    keys = [key for program in ("train", "audit") for key in program_keys(program)]
    keys += [key for group in GROUPS for choice in choices(group) for key in choice.keys]
    lists = ("feature.parts.", "model.table.")
    assert [key.name for key in keys if not key.comment and not key.name.startswith(lists)] == []


def test_the_reference_page_is_current() -> None:
    script = ROOT / "docs" / "make_reference.py"
    done = subprocess.run([sys.executable, str(script), "--check"], cwd=ROOT, check=False, timeout=300)
    assert done.returncode == 0, (
        "run `python docs/make_reference.py`: conf/ has changed since docs/reference.md was made"
    )


@pytest.mark.parametrize("program", ["train", "audit", "predict", "compare", "report", "evaluate"])
def test_every_program_states_our_version(program: str) -> None:
    command = [sys.executable, "-m", f"src.{program}", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.strip() == f"music-genre {__version__}"
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"version: {__version__}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


@pytest.mark.parametrize("program", ["train", "audit"])
def test_help_is_the_text_of_the_yaml_with_its_groups_and_composes_nothing(
    program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def compose() -> None:
        raise AssertionError("--help started Hydra")

    texts = []
    for arguments in (["--help"], ["model=nonsense", "-h"]):
        monkeypatch.setattr(sys, "argv", [program, *arguments])
        errors.run(compose, program)
        texts.append(capsys.readouterr().out)
    written = yaml.safe_load((CONF / f"{program}.yaml").read_text(encoding="utf-8"))["hydra"]["help"]["template"]
    call = re.search(r"\$\{groups_help:(.*?)\}", written)
    assert call
    expected = written.replace(call[0], groups_help(*filter(None, call[1].split(","))))
    assert texts == [f"{expected}\n"] * 2


def test_help_key_is_answered_before_anything_is_composed() -> None:
    command = [sys.executable, "-m", "src.train", "--help-key", "data.crop_seconds", "model=nonsense"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    assert "data.crop_seconds (data=default), default 3.0, a number from 0.1 to 600" in done.stdout
    missing = subprocess.run([*command[:4]], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert missing.returncode == 1
    assert missing.stderr.strip() == "train: --help-key needs a key: --help-key optimizer.lr"
