"""The files that visitors of the repository look for."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

SCHEMAS = {".github/workflows/ci.yml": "vendor.github-workflows", "CITATION.cff": "vendor.citation-file-format"}


@pytest.mark.parametrize("file", SCHEMAS)
def test_a_file_follows_its_published_schema(file: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[file], str(ROOT / file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout


def test_the_workflow_runs_what_every_change_must_pass() -> None:
    assert "bash .ci/run" in (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")


def test_the_readme_is_short() -> None:
    assert (ROOT / "README.md").stat().st_size <= 12 * 1024


@pytest.mark.parametrize("name", ["LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", ".dockerignore"])
def test_it_is_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 50
