"""A new feature or model is one file and one YAML: the README's own example is tried, word for word."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from src.rundir import RunDir
from tests.conftest import ROOT
from tests.programs import small


def example() -> dict[str, str]:
    """The files of the README's section, by the path that their first line names."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## A choice of your own")[1].split("\n## ")[0]
    blocks = re.findall(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", section, flags=re.DOTALL)
    return dict(blocks)


def test_the_readmes_example_is_two_files_each_and_twenty_lines() -> None:
    files = example()
    assert {path.rsplit("/", 1)[0] for path in files} == {"src/feature", "conf/feature", "src/model", "conf/model"}
    assert len(files) == 4
    for kind in ("feature", "model"):
        lines = [line for path, text in files.items() if f"/{kind}/" in path for line in text.splitlines() if line]
        assert len(lines) <= 20


def test_the_readmes_example_trains_without_a_change_elsewhere(tiny: Path, tmp_path: Path) -> None:
    house = tmp_path / "house"
    for folder in ("src", "conf"):
        shutil.copytree(ROOT / folder, house / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in example().items():
        assert not (ROOT / path).exists()
        (house / path).write_text(text, encoding="utf-8")
    choices = [
        f"{kind}={Path(path).stem}"
        for path in example()
        for kind in ("feature", "model")
        if path.startswith(f"conf/{kind}")
    ]
    command = [sys.executable, "-m", "src.train", *small(tiny, tmp_path / "run", *choices)]
    done = subprocess.run(command, cwd=house, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert RunDir(tmp_path / "run").metrics["test"]["clips"] == 6
    said = subprocess.run([*command[:3], "--help"], cwd=house, capture_output=True, text=True, check=True, timeout=60)
    for choice in choices:
        assert re.search(rf"{choice.split('=')[0]}: .*\b{choice.split('=')[1]}\b", said.stdout)
