"""The notebook docs/tour.ipynb runs from top to bottom."""

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # Jupyter's own
def test_the_tour_runs() -> None:
    nbformat = pytest.importorskip("nbformat", reason="make extra-notebook")
    nbclient = pytest.importorskip("nbclient", reason="make extra-notebook")
    notebook = nbformat.read(ROOT / "docs" / "tour.ipynb", as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(ROOT / "docs")}})
    client.execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "accuracy" in printed
    assert "by the pretrained tagger" in printed
