"""Read the config.yaml of a run that may come from a stranger: plain values, and only classes that are known by name.

Nothing is imported, instantiated or resolved here. The other files of a run are plain text, or tensors.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from src import plain_files
from src.rundir.code_digest import ROOT

MAX_BYTES = 1_000_000  # a config has a few kilobytes; a list of 1,000 genres adds about 20
MAX_DEPTH = 50  # levels of lists and mappings
_TORCH_OPTIMIZERS = (
    *("ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "Muon", "NAdam", "RAdam"),
    *("RMSprop", "Rprop", "SGD", "SparseAdam"),
)
_TORCH_SCHEDULERS = (
    *("ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR"),
    *("ExponentialLR", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "OneCycleLR", "PolynomialLR"),
    *("ReduceLROnPlateau", "SequentialLR", "StepLR"),
)
# Classes that a run may name in a config group besides the group's own ones in src/<group>.
LISTED = {
    "augmentation": {"torch.nn.Identity"},
    "data": {"src.data.datamodule.GenreData"},
    "logger": {
        *(f"src.training.loggers.{name}" for name in ("csv", "many", "mlflow", "none", "tensorboard", "wandb")),
        *(f"pytorch_lightning.loggers.{name}" for name in ("CSVLogger", "TensorBoardLogger", "WandbLogger")),
    },
    "optimizer": {f"torch.optim.{name}" for name in _TORCH_OPTIMIZERS},
    "scheduler": {f"torch.optim.lr_scheduler.{name}" for name in _TORCH_SCHEDULERS},
    "trainer": {"src.training.trainer.build_trainer"},
}
# The groups whose classes are in src/<group>.
OWN = ("augmentation", "dataset", "feature", "loss", "model", "normalization", "sampler", "scheduler", "split")
# Hydra's other keys with a meaning, and the values that train writes. It never writes `_args_`.
SPECIAL = {
    "_convert_": ("none", "partial", "object", "all"),
    "_partial_": (True, False),
    "_recursive_": (True, False),
}


def load_config(path: Path) -> dict[str, Any]:
    """Read config.yaml as plain values: texts, numbers, true, false and null in lists and mappings.

    Raises ValueError, which names the file, on a file that is too large, too deep, no YAML or no mapping, and on what
    `train` never writes: aliases, tags and interpolations. An interpolation could read the environment.
    """
    text = plain_files.text(path, MAX_BYTES)
    try:
        _check_structure(text)
        content = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
        _check_plain(content)
    except Exception as error:  # yaml, omegaconf and recursion errors have no other common base class
        raise ValueError(
            f"{path} cannot be read as a config ({plain_files.first_line(error)}). Train the run again."
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} contains a {type(content).__name__}, expected a mapping. Train the run again.")
    return {str(key): value for key, value in content.items()}


def check_targets(path: Path, config: Mapping[str, Any], trust: Sequence[str] = ()) -> None:
    """Check by name, before anything is imported, which classes a config names: `_target_` at any depth.

    A class must be exported by the package of its group, be defined in a file of this package, or be in LISTED. `trust`
    has further modules whose classes may be named: a user's own. Raises ValueError, which names `path`, on any other name.
    """
    for group, node in config.items():
        for key, mapping in _mappings(node, group):
            for name, accepted in SPECIAL.items():
                if mapping.get(name, accepted[0]) not in accepted:
                    raise ValueError(
                        f"{path}: {key}.{name} is {plain_files.shown(mapping[name])}, expected {' or '.join(map(str, accepted))}."
                    )
            if "_args_" in mapping:
                raise ValueError(f"{path}: {key} has _args_, which a run never has. Train the run again.")
            if "_target_" in mapping:
                _check_target(f"{path}: {key}._target_", mapping["_target_"], group, trust)
    if "_target_" in config or "_args_" in config:
        raise ValueError(f"{path} names code outside of its config groups. Train the run again.")


def refuse_remote_code(path: Path, config: Mapping[str, Any], trust: Sequence[str] = ()) -> None:
    """Refuse a config whose feature would run Python code that comes with a network, unless `trust` has the network's name.

    Raises ValueError, which names `path`.
    """
    for group, node in config.items():
        for key, mapping in _mappings(node, group):
            name = mapping.get("name")
            if mapping.get("trust_remote_code", False) is not False and name not in trust:
                raise ValueError(
                    f"{path}: {key} wants to run Python code that comes with the network {plain_files.shown(name)}. The run may "
                    "come from a stranger, so nothing of it was loaded. If you trust the authors of this network, give its name: "
                    "--trust NAME (in Python, trust=[NAME])."
                )


def _check_target(place: str, target: Any, group: str, trust: Sequence[str]) -> None:
    if isinstance(target, str) and (
        target in LISTED.get(group, ()) or _is_own_class(target, group) or target.rpartition(".")[0] in trust
    ):
        return
    raise ValueError(
        f"{place} is {plain_files.shown(target)}, which is no {group} that this project knows. The run may come from a stranger, so "
        "nothing of it was loaded. If this is a class of your own, allow its module with --trust MODULE (in Python, "
        "trust=[MODULE])."
    )


def _is_own_class(target: str, group: str) -> bool:
    """True for src.<group>.<Class> if the package exports it, and for src.<group>.<file>.<Class> if the file defines it.

    Also true for src.<group>.<Class> if nothing has this name: a class of another version. It cannot be built, but the
    scores of its run can be read.
    """
    parts = target.split(".")
    if group not in OWN or parts[:2] != ["src", group] or not all(part.isidentifier() for part in parts):
        return False
    package = ROOT / "src" / group
    if len(parts) == 4:
        return parts[3] in _classes(package / f"{parts[2]}.py")
    if len(parts) != 3 or not parts[2][0].isupper():
        return False
    init, file = package / "__init__.py", package.with_suffix(".py")
    known = _names(init if init.is_file() else file)
    return parts[2] not in known or parts[2] in (_exported(init) or _classes(file))


@cache
def _exported(path: Path) -> frozenset[str]:
    """The names of `__all__` in a file; empty if there is no such file."""
    lists = [
        ast.literal_eval(node.value)
        for node in _statements(path)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return frozenset(name for names in lists for name in names)


@cache
def _classes(path: Path) -> frozenset[str]:
    """The classes that a file defines; empty if there is no such file. Private ones, such as _Part, do not count."""
    names = {node.name for node in _statements(path) if isinstance(node, ast.ClassDef)}
    return frozenset(name for name in names if not name.startswith("_"))


@cache
def _names(path: Path) -> frozenset[str]:
    """All names that a file imports, defines or assigns."""
    nodes = [node for statement in _statements(path) for node in ast.walk(statement)]
    imported = {node.asname or node.name.split(".")[0] for node in nodes if isinstance(node, ast.alias)}
    assigned = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    defined = {node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    return frozenset(imported | assigned | defined)


def _statements(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_bytes()).body if path.is_file() else []


def _check_structure(text: str) -> None:
    """Raise ValueError on YAML with aliases or tags, or with too many levels, before any value is built."""
    depth = 0
    for event in yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError(f"more than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("a YAML alias")
        if getattr(event, "tag", None) is not None:
            raise ValueError(f"the YAML tag {event.tag}")


def _check_plain(content: Any) -> None:
    """Raise ValueError on a value that is no text, number, true, false or null, and on an interpolation."""
    for key, value in _values(content):
        if not (value is None or isinstance(value, str | int | float)) or "${" in str(value):
            raise ValueError(
                f"{key} is {plain_files.shown(value)}, expected a plain value: a run has no interpolations"
            )


def _mappings(node: Any, key: str) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Yield every mapping at and below a node with its dotted key."""
    if isinstance(node, Mapping):
        yield key, node
        for name, value in node.items():
            yield from _mappings(value, f"{key}.{name}")
    elif isinstance(node, list):
        for k, value in enumerate(node):
            yield from _mappings(value, f"{key}[{k}]")


def _values(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value below a node with its dotted key. The names of a mapping count as values too."""
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield f"a key of {key or 'the config'}", name
            yield from _values(value, f"{key}.{name}" if key else str(name))
    elif isinstance(node, list):
        for value in node:
            yield from _values(value, key)
    else:
        yield key, node
