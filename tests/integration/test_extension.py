"""Extensions: the examples of docs/extending.md work word for word, without a change to other files."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from src.rundir import RunDir
from tests.conftest import ROOT, tone
from tests.programs import small

LIST_CLIPS = """
from src.config import compose
from src.instantiate import instantiate_choice
for clip in instantiate_choice(compose("dataset=playlists", "dataset.root=music", "dataset.genres=[jazz]").dataset).corpus().clips:
    print(clip.name, clip.genre, clip.path.is_file())
"""


def example(heading: str) -> dict[str, str]:
    """The files in a section of docs/extending.md, by their path, which a comment in them gives."""
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    texts = re.findall(r"```(?:python|yaml)\n(.*?)```", section, flags=re.DOTALL)
    return {re.findall(r"^# (\S+/\S+)$", text, flags=re.MULTILINE)[0]: text for text in texts}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with the files of all examples."""
    folder = tmp_path / "project"
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for heading in ("A feature and a model", "A data set", "A recipe"):
        for path, text in example(heading).items():
            assert not (ROOT / path).exists()
            (folder / path).write_text(text, encoding="utf-8")
    return folder


def test_a_feature_and_a_model_are_two_files_each_and_twenty_lines() -> None:
    files = example("A feature and a model")
    assert {path.rsplit("/", 1)[0] for path in files} == {"src/feature", "conf/feature", "src/model", "conf/model"}
    assert len(files) == 4
    for kind in ("feature", "model"):
        lines = [line for path, text in files.items() if f"/{kind}/" in path for line in text.splitlines() if line]
        assert len(lines) <= 20


def test_the_feature_and_the_model_train_without_a_change_elsewhere(project: Path, tiny: Path, tmp_path: Path) -> None:
    paths = [path for path in example("A feature and a model") if path.startswith("conf/")]
    choices = [f"{Path(path).parent.name}={Path(path).stem}" for path in paths]
    command = [sys.executable, "-m", "src.train", *small(tiny, tmp_path / "run", *choices)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert RunDir(tmp_path / "run").metrics["test"]["clips"] == 6


def test_help_lists_all_examples(project: Path) -> None:
    command = [sys.executable, "-m", "src.train", "--help"]
    shown = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True, timeout=60).stdout
    for group, choice in (
        ("feature", "crest"),
        ("model", "mlp"),
        ("dataset", "playlists"),
        ("experiment", "drums"),
    ):
        assert re.search(rf"^{group}=\n(?:  .*\n)*?  {choice} ", shown, re.MULTILINE)


def test_the_data_set_lists_the_clips_of_its_playlists(project: Path) -> None:
    for name in ("a.wav", "b.wav"):
        tone(project / "music" / name)
    (project / "music" / "jazz.m3u").write_text("#EXTM3U\na.wav\n", encoding="utf-8")
    (project / "music" / "rock.m3u").write_text("b.wav\n", encoding="utf-8")
    command = [sys.executable, "-c", LIST_CLIPS]
    shown = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True, timeout=60).stdout
    assert shown == "a.wav jazz True\n"


def test_the_recipe_sets_its_choices(project: Path) -> None:
    command = [sys.executable, "-m", "src.train", "experiment=drums", "--cfg", "job"]
    shown = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "src.feature.crest.Crest" in shown
    assert "src.model.mlp.Mlp" in shown
    assert "max_epochs: 20" in shown
