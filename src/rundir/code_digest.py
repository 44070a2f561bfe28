"""Digests of the source files that a run's results depend on: its choices, the training code and all that they import.

A changed source line therefore affects only the runs that use it: in a sweep over models, those of one model; a change
in the report page affects none.
"""

import ast
import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
USED_BY_EVERY_RUN = ("src.training.setup", "src.training.stages", "src.training.run_writer")
WITHOUT_IMPORTS = ("src.train",)  # its other imports, such as report pages and progress bars, change no result
GROUPS_WITHOUT_EFFECT = ("logger", "hydra")  # config groups that change no result


def run_digests(config: Mapping[str, Any]) -> dict[str, str]:
    """Digests of the source files of a run: {"src/model/cnn.py": 16 hexadecimal digits of its content, ...}.

    A file is read once per process; later changes to it have no effect.
    """
    relevant = [node for group, node in config.items() if group not in GROUPS_WITHOUT_EFFECT]
    chosen = [name for node in relevant for name in project_targets(node)]
    return digests_with_imports(*USED_BY_EVERY_RUN, *chosen) | digests_without_imports(*WITHOUT_IMPORTS)


def digests_with_imports(*names: str) -> dict[str, str]:
    """Digests of the files of modules or classes, such as "src.quality.measures", and of all files that they import."""
    return _file_digests(_paths_with_imports(names))


def digests_without_imports(*names: str) -> dict[str, str]:
    """Digests of the files of modules or classes, without the files that they import."""
    return _file_digests({_source_file(name) for name in names})


def project_targets(node: Any) -> list[str]:
    """List the classes and functions of this project that the `_target_` keys of a config name, at any depth."""
    return [name for name in _all_targets(node) if name.startswith("src.")]


def _file_digests(paths: Iterable[Path]) -> dict[str, str]:
    return {path.relative_to(ROOT).as_posix(): _file_digest(path) for path in sorted(paths)}


def _paths_with_imports(names: Iterable[str]) -> set[Path]:
    """Find the files of modules or classes and of all that they import, directly or indirectly."""
    paths: set[Path] = set()
    pending = list(names)
    while pending:
        path = _source_file(pending.pop())
        if path not in paths:
            paths.add(path)
            pending += _imports(path)
    return paths


def digest(files: Mapping[str, str]) -> str:
    """Combine the digests of files into one of 16 hexadecimal digits."""
    lines = "".join(f"{path} {file_digest}\n" for path, file_digest in files.items())
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def _all_targets(node: Any) -> list[str]:
    """List the values of all `_target_` keys of a config, at any depth."""
    if not isinstance(node, Mapping):
        return [name for item in node for name in _all_targets(item)] if isinstance(node, list) else []
    own_target = [str(node["_target_"])] if "_target_" in node else []
    return own_target + [name for value in node.values() for name in _all_targets(value)]


def _source_file(name: str) -> Path:
    """Find the file of a module, class or function: "src.model.Cnn" -> src/model/cnn.py.

    A name imported in an __init__.py is traced to the module that defines it.

    Raises LookupError on a name that is neither a module of this project nor defined in one. Otherwise a cache key with
    the old name of a renamed module would not depend on any file.
    """
    if name and (module := _module(name)):
        return module
    parent, _, member = name.rpartition(".")
    path = _module(parent) if parent else None
    if path is None or member not in _names_in(path):
        raise LookupError(f"{name} is no module of this project, nor a class or function in one.")
    origin = dict(_import_origins(path)).get(member) if path.name == "__init__.py" else None
    return _source_file(origin) if origin else path


def _module(name: str) -> Path | None:
    """Find the file of a module or package; None if there is none of this name."""
    path = ROOT.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def _names_in(path: Path) -> frozenset[str]:
    """Collect the names that a module defines or imports."""
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
    """List the imports from this project anywhere in a file as pairs of names: ("Cnn", "src.model.cnn.Cnn")."""
    nodes = list(ast.walk(ast.parse(path.read_bytes())))
    project_nodes = [
        node for node in nodes if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "src"
    ]
    from_imports = [
        (alias.asname or alias.name, f"{node.module}.{alias.name}") for node in project_nodes for alias in node.names
    ]
    plain_imports = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return (*from_imports, *((name, name) for name in plain_imports if name.split(".")[0] == "src"))


@cache
def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
