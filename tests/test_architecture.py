"""The layers of the project: imports point down, programs stand alone, and each heavy library has its files."""

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"
# The top level of src/, lower layers first. A room imports rooms of the layers before its own only.
LAYERS = (
    ("clip", "console", "formatting", "plain_files", "threads", "instantiate"),
    ("config",),
    ("config_reference", "rundir", "audio", "metrics", "pretrained"),
    ("errors",),
    ("dataset", "split", "feature", "augmentation", "normalization", "model", "loss", "sampler", "scheduler"),
    ("data", "classifier"),
    ("training", "inference", "quality"),
    ("evaluation",),
    ("reporting", "table_check"),
    ("sweep",),
    ("train", "report", "predict", "audit", "compare"),
)
PROGRAMS = LAYERS[-1]
MOST_FILES = 14  # at the top of src/, beside the programs
# The files that may import a library: what is heavy would slow everything else, and what is replaced is replaced in one place.
LIBRARIES = {
    "soundfile": {"audio/decoders.py", "dataset/composer/render.py"},  # the synthetic corpus writes its clips
    "soxr": {"audio/reader.py"},
    "av": {"audio/decoders.py"},
    "tinytag": {"dataset/file_tags.py"},
    "cleanlab": {"quality/label_errors.py"},
    "sqlite3": {"quality/measure_cache.py"},
    "wandb": {"training/loggers.py"},
    "torchmetrics": {"metrics/scores.py"},
    "joblib": {"config.py"},
}
# Libraries that serve one room only.
ROOMS = {
    "nnAudio": {"feature"},
    "symusic": {"dataset"},
    "matplotlib": {"reporting"},
    "scipy": {"metrics", "dataset"},
    "jinja2": {"reporting"},
}
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
# A file has one idea: 400 lines are allowed without a reason, more with one.
LONGEST = 400
LONGER: dict[str, int] = {}


def files() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(SRC).as_posix()


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
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def modules(dotted: str) -> set[Path]:
    """The files that Python runs for an import of ours: "src.rundir.RunDir" -> src/__init__.py, src/rundir/__init__.py."""
    parts = dotted.split(".")
    found = set()
    for end in range(1, len(parts) + 1):
        path = SRC.parent.joinpath(*parts[:end])
        found |= {file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()}
    return found


def level(of: str) -> int:
    return next(k for k, layer in enumerate(LAYERS) if of in layer)


def test_every_room_has_a_layer() -> None:
    rooms = {each for layer in LAYERS for each in layer}
    assert {room(path) for path in files()} - {"__init__"} == rooms


def test_the_top_of_src_is_small() -> None:
    top = {path.stem for path in SRC.glob("*.py")}
    assert len(top - set(PROGRAMS)) <= MOST_FILES
    groups = {folder.name for folder in (SRC.parent / "conf").iterdir() if folder.is_dir()}
    ours = groups - {"audio", "data", "experiment", "launcher", "logger", "optimizer", "sweep", "trainer"}
    assert not [group for group in ours if not (SRC / group).is_dir() and not (SRC / f"{group}.py").is_file()]


@pytest.mark.parametrize("path", files(), ids=name)
def test_imports_point_down(path: Path) -> None:
    if path == SRC / "__init__.py":
        return
    used = {each.split(".")[1] for each in imports(path) if each.startswith("src.")} - {room(path), "__version__"}
    upward = {each for each in used if level(each) >= level(room(path))}
    assert not upward, f"{name(path)} imports {upward}, which is not below it"


def test_no_files_import_one_another_in_a_circle() -> None:
    below = {path: set().union(*map(modules, imports(path))) - {path} for path in files()}
    # A package's face is run before any of its files, and imports them: no circle of ideas.
    below = {path: {file for file in used if file.name != "__init__.py"} for path, used in below.items()}
    done: set[Path] = set()
    while len(done) < len(below):
        free = {path for path, used in below.items() if path not in done and used <= done}
        assert free, f"in a circle: {sorted(name(path) for path in below.keys() - done)}"
        done |= free


def test_evaluation_draws_nothing_and_reporting_is_above_it() -> None:
    assert level("evaluation") < level("reporting")
    drawn = {"matplotlib", "jinja2", "markupsafe", "rich"}
    for path in (SRC / "evaluation").glob("*.py"):
        assert not {each.split(".")[0] for each in imports(path)} & drawn, f"{name(path)} draws"


def test_programs_are_what_can_be_run() -> None:
    runnable = {room(path) for path in files() if '__name__ == "__main__"' in path.read_text(encoding="utf-8")}
    assert runnable - {"dataset"} == set(PROGRAMS)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_imported_by_its_files_only(library: str) -> None:
    users = {name(path) for path in files() if any(each.split(".")[0] == library for each in imports(path))}
    assert users == LIBRARIES[library]


@pytest.mark.parametrize("library", ROOMS)
def test_a_library_is_imported_in_its_rooms_only(library: str) -> None:
    users = {room(path) for path in files() if any(each.split(".")[0] == library for each in imports(path))}
    assert users == ROOMS[library]


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_start_without_heavy_libraries(program: str) -> None:
    reached: set[Path] = set()
    waiting = [SRC / f"{program}.py"]
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        top = imports(path, top_only=True)
        heavy = {used.split(".")[0] for used in top} & HEAVY
        assert not heavy, f"{program} imports {heavy} through {name(path)} before it has read its arguments"
        waiting += [file for used in top if used.startswith("src") for file in modules(used)]


@pytest.mark.parametrize("path", files(), ids=name)
def test_a_file_has_one_idea(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGER.get(name(path), LONGEST), f"{name(path)} has {lines} lines: two ideas?"


def test_no_machine_path_or_registry_is_named() -> None:
    root = SRC.parent
    own = [
        p
        for folder in ("src", "conf", "tests", "benchmarks", "docs", "hydra_plugins")
        for p in (root / folder).rglob("*")
        if p.is_file()
    ]
    own += [p for p in root.iterdir() if p.is_file()]
    words = ["/" + word + "/" for word in ("work", "farm", "opt", "root")] + ["pypi" + ".org", "python" + "hosted.org"]
    for path in own:
        if path.suffix in (".py", ".yaml", ".md", ".toml", ".lock", ".html", "") and "__pycache__" not in path.parts:
            text = path.read_text(encoding="utf-8")
            assert not [word for word in words if word in text], path
