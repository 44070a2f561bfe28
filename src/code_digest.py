"""The source files that a run's numbers follow from: what its choices and the training are made of, and all they import.

A changed line then concerns the runs that use it: of a sweep over models, one model's; of the report's page, none.
"""

import ast
import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
USED_BY_EVERY_RUN = (
    "src.training.setup",
    "src.training.stages",
    "src.training.run_writer",
)  # what every run goes through
WITHOUT_IMPORTS = ("src.train",)  # read without what it imports: the pages and bars that it shows make no number
GROUPS_WITHOUT_EFFECT = ("logger", "hydra")  # groups that make no number either


def run_digests(config: Mapping[str, Any]) -> dict[str, str]:
    """ "src/model/cnn.py": 16 hexadecimal digits of its content, as it was when this process first asked."""
    chosen = [
        name for group, node in config.items() if group not in GROUPS_WITHOUT_EFFECT for name in project_targets(node)
    ]
    return digests_with_imports(*USED_BY_EVERY_RUN, *chosen) | digests_without_imports(*WITHOUT_IMPORTS)


def digests_with_imports(*names: str) -> dict[str, str]:
    """The same of single modules or classes, such as "src.quality.measures", and all that they import."""
    return _file_digests(_paths_with_imports(names))


def digests_without_imports(*names: str) -> dict[str, str]:
    """The same of modules without what they import."""
    return _file_digests({_source_file(name) for name in names})


def project_targets(node: Any) -> list[str]:
    """The classes and functions of this project that a config names, wherever in it."""
    return [name for name in _all_targets(node) if name.startswith("src.")]


def _file_digests(paths: Iterable[Path]) -> dict[str, str]:
    return {path.relative_to(ROOT).as_posix(): _file_digest(path) for path in sorted(paths)}


def _paths_with_imports(names: Iterable[str]) -> set[Path]:
    """The files of modules, or of what modules hold, and of all that they import."""
    reached: set[Path] = set()
    waiting = list(names)
    while waiting:
        path = _source_file(waiting.pop())
        if path not in reached:
            reached.add(path)
            waiting += _imports(path)
    return reached


def digest(files: Mapping[str, str]) -> str:
    """16 hexadecimal digits of all of them."""
    return hashlib.sha256("".join(f"{name} {content}\n" for name, content in files.items()).encode()).hexdigest()[:16]


def _all_targets(node: Any) -> list[str]:
    """The classes and functions that a config names, wherever in it."""
    if not isinstance(node, Mapping):
        return [name for each in node for name in _all_targets(each)] if isinstance(node, list) else []
    here = [str(node["_target_"])] if "_target_" in node else []
    return here + [name for value in node.values() for name in _all_targets(value)]


def _source_file(name: str) -> Path:
    """The file of a module, or of what a module holds: "src.model.Cnn" -> src/model/cnn.py, through its folder's face.

    Raises LookupError on a name that neither is a module of this project nor stands in one: after a module is renamed,
    a cache key that still named the old one would depend on nothing.
    """
    if module := _module(name):
        return module
    above, _, held = name.rpartition(".")
    face = _module(above) if above else None
    if face is None or held not in _names_in(face):
        raise LookupError(f"{name} is no module of this project, nor a class or function in one.")
    origin = dict(_import_origins(face)).get(held) if face.name == "__init__.py" else None
    return _source_file(origin) if origin else face


def _module(name: str) -> Path | None:
    path = ROOT.joinpath(*name.split("."))
    return next((found for found in (path.with_suffix(".py"), path / "__init__.py") if found.is_file()), None)


@cache
def _names_in(path: Path) -> frozenset[str]:
    """The names that a module defines or imports."""
    names = {name for name, _ in _import_origins(path)}
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return frozenset(names)


def _imports(path: Path) -> Iterable[str]:
    return [origin for _, origin in _import_origins(path)]


@cache
def _import_origins(path: Path) -> tuple[tuple[str, str], ...]:
    """What a file imports of ours, wherever in it: ("Cnn", "src.model.cnn.Cnn")."""
    nodes = list(ast.walk(ast.parse(path.read_bytes())))
    ours = [node for node in nodes if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "src"]
    named = [(each.asname or each.name, f"{node.module}.{each.name}") for node in ours for each in node.names]
    plain = [each.name for node in nodes if isinstance(node, ast.Import) for each in node.names]
    return (*named, *((name, name) for name in plain if name.split(".")[0] == "src"))


@cache
def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
