"""The layers of the house: imports point down, programs stand alone, and each heavy library has its room."""

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"
# Lower rooms first; a room imports rooms before it only. Rooms in one line may not import one another.
LAYERS = (
    ("clip", "container"),
    ("header", "opened"),
    (
        "audio",
        "terminal",
        "statistics",
        "significance",
        "plausible",
        "calibration",
        "words",
        "dotted",
        "supply",
        "plainfile",
        "threads",
        "deal",
        "fingerprint",
        "source",
    ),
    ("pretrained", "decoding"),
    (
        "rundir",
        "dataset",
        "feature",
        "augmentation",
        "model",
        "split",
        "normalization",
        "loss",
        "sampler",
        "scheduler",
        "wavemap",
        "listing",
        "resume",
        "launcher",
    ),
    ("config", "certificate", "cutting", "metrics", "tested", "hearing", "labels", "jobs"),
    ("kept", "stretches", "catalogue", "faults", "shortcut", "naming", "changes"),
    ("journey", "data", "inspection"),
    ("assembly", "module"),
    ("history", "bar", "dashboard", "run", "provenance", "page", "recognizer"),
    ("writing", "sweep", "leak_gap", "search", "comparison"),
    ("answers",),
    ("train", "report", "predict", "audit", "compare"),
)
PROGRAMS = ("train", "report", "predict", "audit", "compare")
# The one room of each library; what is heavy would slow everything else, and what is replaced is replaced in one place.
ROOMS = {
    "soundfile": {"opened", "dataset"},  # the synthetic corpus writes its clips
    "soxr": {"audio"},
    "tinytag": {"dataset"},
    "cleanlab": {"labels"},
    "sqlite3": {"catalogue"},
    "av": {"container"},
    "nnAudio": {"feature"},
    "symusic": {"dataset"},
    "matplotlib": {"page"},
    "scipy": {"statistics", "significance", "calibration", "dataset"},
    "wandb": {"dashboard"},
    "hydra": {"config", "train", "audit", "assembly", "run", "sweep", "leak_gap", "naming", "launcher", "search"},
    "torchmetrics": {"metrics"},
    "joblib": {"launcher"},
    "filelock": {"wavemap", "kept", "dataset", "writing", "sweep"},
}
# Musical tables, long but of one idea: what is looked up in them is best seen together.
TABLES = {f"dataset/composer/{name}.py": 320 for name in ("style", "chords", "drums")}
HEAVY = {
    "torch",
    "torchaudio",
    "pytorch_lightning",
    "torchmetrics",
    "wandb",
    "matplotlib",
    "scipy",
    "symusic",
    "sklearn",
    "cleanlab",
    "tinytag",
    "soundfile",
    "soxr",
    "av",
}


def files() -> list[Path]:
    return sorted(path for path in SRC.rglob("*.py") if path.name != "__init__.py" or path.parent != SRC)


def room(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def imports(path: Path, top_only: bool = False) -> set[str]:
    """The dotted names that a file imports; `top_only`: when it is itself imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes: list[ast.AST] = list(tree.body) if top_only else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names = {f"src.{alias.name}" for alias in node.names} if node.module == "src" else {node.module or ""}
            found |= names
    return found


def rooms_used(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("src.")} - {room(path)}


def level(name: str) -> int:
    return next(k for k, layer in enumerate(LAYERS) if name in layer)


def test_every_file_has_a_room() -> None:
    rooms = {name for layer in LAYERS for name in layer}
    assert {room(path) for path in files()} == rooms


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(SRC)))
def test_imports_point_down(path: Path) -> None:
    upward = {name for name in rooms_used(path) if level(name) >= level(room(path))}
    assert not upward, f"{path.relative_to(SRC)} imports {upward}, which is not below it"


def test_programs_are_what_can_be_run() -> None:
    runnable = {room(path) for path in files() if '__name__ == "__main__"' in path.read_text(encoding="utf-8")}
    assert runnable - {"dataset"} == set(PROGRAMS)


@pytest.mark.parametrize("library", ROOMS)
def test_a_library_is_imported_in_its_room_only(library: str) -> None:
    users = {room(path) for path in files() if any(name.split(".")[0] == library for name in imports(path))}
    assert users == ROOMS[library]


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_start_without_heavy_libraries(program: str) -> None:
    reached, waiting = set(), [program]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        paths = [path for path in files() if room(path) == name]
        for path in paths:
            top = imports(path, top_only=True)
            heavy = {used.split(".")[0] for used in top} & HEAVY
            assert not heavy, f"{program} imports {heavy} through {name} before it has read its arguments"
            waiting += [n for n in (used.split(".")[1] for used in top if used.startswith("src.")) if n not in reached]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(SRC)))
def test_a_file_has_one_idea(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    most = TABLES.get(path.relative_to(SRC).as_posix(), 220)
    assert lines <= most, f"{path.relative_to(SRC)} has {lines} lines: two ideas?"


def test_no_machine_path_or_registry_is_named() -> None:
    root = SRC.parent
    own = [
        p
        for name in ("src", "conf", "tests", "benchmarks", "hydra_plugins")
        for p in (root / name).rglob("*")
        if p.is_file()
    ]
    own += [p for p in root.iterdir() if p.is_file()]
    words = ["/" + word + "/" for word in ("work", "farm", "opt", "root")] + ["pypi" + ".org", "python" + "hosted.org"]
    for path in own:
        if path.suffix in (".py", ".yaml", ".md", ".toml", ".lock", ".html", "") and "__pycache__" not in path.parts:
            text = path.read_text(encoding="utf-8")
            assert not [word for word in words if word in text], path
