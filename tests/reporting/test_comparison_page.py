"""The page of a comparison: the same sentences and numbers as on the terminal."""

import json
from pathlib import Path

import pytest

from src import compare
from tests.reporting.sweeps import write_models
from tests.reporting.test_pages import Page


def test_the_page_has_the_verdicts_differences_and_clips(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_models(tmp_path / "sweep")
    file = tmp_path / "new" / "compared.html"
    assert compare.main([str(tmp_path / "sweep"), "--page", str(file), "--format", "json"]) == 0
    content = json.loads(capsys.readouterr().out)  # the message about the page does not disturb the JSON
    text = file.read_text(encoding="utf-8")
    shown = Page(text).text
    for pair in content["pairs"]:
        assert pair["sentence"] in shown
    for group in content["groups"]:
        assert f"{group['key']}: {group['label']}" in shown
    for note in content["notes"]:
        assert note in shown
    assert f"{100 * content['pairs'][0]['accuracy']['difference']:+.1f}" in shown
    better = sum(pair["verdict"] in ("a", "b") for pair in content["pairs"])
    assert f"pairs that can be told apart {better} of 3" in shown
    assert content["pairs"][0]["disagreements"]["a"][0]["clip"] in shown
    assert text.count("<svg") == 1


def test_a_table_has_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        compare.main(["--check", str(tmp_path / "table.csv"), "--page", "page.html"])
    assert "--page is the page of a comparison of runs" in capsys.readouterr().err
