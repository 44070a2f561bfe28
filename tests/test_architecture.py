"""Architecture rules: imports go to lower layers only, programs start fast, and each heavy library has its files."""

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"
# The packages of src/, lower layers first. A package is a folder or a single file at the top of src/; it imports only from
# the layers before its own.
LAYERS = (
    ("clip", "console", "formatting", "plain_files", "threads", "instantiate"),
    ("config",),
    ("settings",),
    ("config_reference", "rundir", "audio", "metrics", "pretrained"),
    ("errors", "alteration"),
    ("dataset", "split", "feature", "augmentation", "normalization", "model", "loss", "sampler", "scheduler"),
    ("data", "classifier"),
    ("training", "inference", "quality"),
    ("evaluation", "table_check"),
    ("judging", "genre_relations"),
    ("explanation", "sensitivity"),
    ("reporting",),
    ("sweep",),
    (
        "train",
        "report",
        "predict",
        "audit",
        "compare",
        "cache",
        "weights",
        "evaluate",
        "wandb_sweep",
        "relations",
        "robustness",
        "explain",
    ),
)
PROGRAMS = LAYERS[-1]
MOST_FILES = 14  # at the top of src/, without the programs
# The only files that import a library: a heavy import would slow down other files, and a library that is replaced is
# replaced in one place.
LIBRARY_FILES = {
    # The synthetic corpus writes its clips.
    "soundfile": {
        "alteration/encoding.py",
        "audio/sndfile.py",
        "audio/parts.py",
        "audio/decoders.py",
        "dataset/composer/render.py",
    },
    "soxr": {"audio/reader.py"},
    "av": {"audio/ffmpeg.py"},
    "transformers": {"pretrained/audio_network.py"},
    "tinytag": {"dataset/file_tags.py"},
    "cleanlab": {"quality/label_errors.py"},
    "hiclass": {"genre_relations/hierarchy.py"},
    "sqlite3": {"data/store.py", "quality/measure_cache.py"},
    "wandb": {"training/loggers/wandb_run.py"},
    "mlflow": {"training/loggers/mlflow_store.py"},
    "torchmetrics": {"metrics/scores.py"},
    "joblib": {"threads.py"},
    "threadpoolctl": {"threads.py"},
}
# The only packages that import a library.
LIBRARY_PACKAGES = {
    "nnAudio": {"feature"},
    "symusic": {"dataset"},
    "matplotlib": {"reporting"},
    "scipy": {"metrics", "dataset", "genre_relations", "alteration"},
    "jinja2": {"reporting"},
    "captum": {"explanation"},
    "statsmodels": {"metrics"},
}
# Slow to import: programs import them only after their arguments are read.
HEAVY = {
    "torch",
    "torchaudio",
    "pytorch_lightning",
    "torchmetrics",
    "wandb",
    "mlflow",
    "tensorboard",
    "matplotlib",
    "scipy",
    "symusic",
    "sklearn",
    "statsmodels",
    "cleanlab",
    "hiclass",
    "captum",
    "tinytag",
    "soundfile",
    "soxr",
    "av",
    "transformers",
    "huggingface_hub",
    "safetensors",
}
LONGEST = 400  # lines of a file
LONGER: dict[str, int] = {}  # exceptions, each with its reason


def files() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(SRC).as_posix()


def package(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def imports(path: Path, top_only: bool = False) -> set[str]:
    """The dotted names that a file imports; with `top_only`, only those that it imports as soon as it is imported itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes: list[ast.AST] = list(tree.body) if top_only else list(ast.walk(tree))
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def modules(dotted: str) -> set[Path]:
    """The files that Python runs to import a name: "src.rundir.RunDir" -> src/__init__.py, src/rundir/__init__.py."""
    parts = dotted.split(".")
    paths = set()
    for end in range(1, len(parts) + 1):
        path = SRC.parent.joinpath(*parts[:end])
        paths |= {file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()}
    return paths


def level(package: str) -> int:
    return next(k for k, layer in enumerate(LAYERS) if package in layer)


def test_every_package_has_a_layer() -> None:
    packages = {name for layer in LAYERS for name in layer}
    assert {package(path) for path in files()} - {"__init__"} == packages


def test_the_top_of_src_has_few_files() -> None:
    top = {path.stem for path in SRC.glob("*.py")}
    assert len(top - set(PROGRAMS)) <= MOST_FILES
    groups = {folder.name for folder in (SRC.parent / "conf").iterdir() if folder.is_dir()}
    own = groups - {"audio", "data", "experiment", "launcher", "logger", "optimizer", "sweep", "trainer"}
    assert not [group for group in own if not (SRC / group).is_dir() and not (SRC / f"{group}.py").is_file()]


@pytest.mark.parametrize("path", files(), ids=name)
def test_imports_go_to_lower_layers_only(path: Path) -> None:
    if path == SRC / "__init__.py":
        return
    used = {dotted.split(".")[1] for dotted in imports(path) if dotted.startswith("src.")}
    not_below = {other for other in used - {package(path), "__version__"} if level(other) >= level(package(path))}
    assert not not_below, f"{name(path)} imports {not_below}, expected only packages of lower layers"


def test_no_files_import_each_other_in_a_circle() -> None:
    imported = {path: set().union(*map(modules, imports(path))) - {path} for path in files()}
    # The __init__.py of a package runs before its files and imports them; this circle is no fault.
    imported = {path: {file for file in used if file.name != "__init__.py"} for path, used in imported.items()}
    ordered: set[Path] = set()
    while len(ordered) < len(imported):
        ready = {path for path, used in imported.items() if path not in ordered and used <= ordered}
        assert ready, f"in a circle: {sorted(name(path) for path in imported.keys() - ordered)}"
        ordered |= ready


def test_evaluation_is_below_reporting_and_draws_nothing() -> None:
    assert level("evaluation") < level("reporting")
    output_libraries = {"matplotlib", "jinja2", "markupsafe", "rich"}
    for path in (SRC / "evaluation").glob("*.py"):
        used = {dotted.split(".")[0] for dotted in imports(path)} & output_libraries
        assert not used, f"{name(path)} imports {used}"


def test_only_the_programs_can_be_run() -> None:
    runnable = {package(path) for path in files() if '__name__ == "__main__"' in path.read_text(encoding="utf-8")}
    assert runnable - {"dataset"} == set(PROGRAMS)


@pytest.mark.parametrize("library", LIBRARY_FILES)
def test_a_library_is_imported_only_in_its_files(library: str) -> None:
    users = {name(path) for path in files() if any(dotted.split(".")[0] == library for dotted in imports(path))}
    assert users == LIBRARY_FILES[library]


@pytest.mark.parametrize("library", LIBRARY_PACKAGES)
def test_a_library_is_imported_only_in_its_packages(library: str) -> None:
    users = {package(path) for path in files() if any(dotted.split(".")[0] == library for dotted in imports(path))}
    assert users == LIBRARY_PACKAGES[library]


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_start_without_heavy_libraries(program: str) -> None:
    checked: set[Path] = set()
    waiting = [SRC / f"{program}.py"]
    while waiting:
        path = waiting.pop()
        if path in checked:
            continue
        checked.add(path)
        top = imports(path, top_only=True)
        heavy = {used.split(".")[0] for used in top} & HEAVY
        assert not heavy, f"{program} imports {heavy} through {name(path)} before it has read its arguments"
        waiting += [file for used in top if used.startswith("src") for file in modules(used)]


@pytest.mark.parametrize("path", files(), ids=name)
def test_a_file_is_not_too_long(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    limit = LONGER.get(name(path), LONGEST)
    assert lines <= limit, f"{name(path)} has {lines} lines, expected at most {limit}: split it"


def test_no_file_names_a_machine_path_or_a_package_registry() -> None:
    root = SRC.parent
    paths = [
        path
        for folder in ("src", "conf", "tests", "benchmarks", "docs", "hydra_plugins")
        for path in (root / folder).rglob("*")
        if path.is_file()
    ]
    paths += [path for path in root.iterdir() if path.is_file()]
    forbidden = ["/" + folder + "/" for folder in ("work", "farm", "opt", "root")]
    forbidden += ["pypi" + ".org", "python" + "hosted.org"]
    for path in paths:
        if path.suffix in (".py", ".yaml", ".md", ".toml", ".lock", ".html", "") and "__pycache__" not in path.parts:
            text = path.read_text(encoding="utf-8")
            assert not [name for name in forbidden if name in text], path
