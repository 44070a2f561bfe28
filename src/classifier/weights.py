"""Record the digest of the files with a feature's weights as one of the settings of a run."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from src.settings import networks

if TYPE_CHECKING:
    from omegaconf import DictConfig


def record_digests(config: "DictConfig", must_exist: bool = True) -> None:
    """Set `sha256` of each feature in a config that has it, in place, to the digest of the weights that are found.

    They are the file `weights`, or the network `name`. Called before a run gets its identity and its folder: the content
    changes the scores, its path does not. Raises ValueError if there are no weights, or if `sha256` is set and no file
    has it, unless `must_exist` is false.
    """
    for node in _with_key(config.get("feature"), "sha256"):
        if "weights" in node:
            from src.pretrained import files  # imported here, because names of sweeps must not wait for torch

            find = files.require if must_exist else files.find_any
            file = find(files.EFFICIENTAT, node.weights, node.sha256)
            if node.sha256 is None and file:
                node.sha256 = files.digest(file)
        elif node.sha256 is None:  # a run compares the reference embedding of its network when it is loaded
            try:
                node.sha256 = networks.digest(networks.find(node.name, node.trust_remote_code))
            except networks.NetworkError:
                if must_exist:
                    raise


def require_recorded(config: "DictConfig") -> None:
    """Raise ValueError if the config of a run lacks the digest of a file of weights: any file would do."""
    if any(node.get("sha256") is None for node in _with_key(config.get("feature"), "weights")):
        raise ValueError(
            "config.yaml lacks feature.sha256, the digest of the weights that it was trained with. Train the run again."
        )


def _with_key(node: object, key: str) -> "Iterator[DictConfig]":
    """Yield the features that have a setting, at any depth."""
    from omegaconf import DictConfig

    if isinstance(node, DictConfig):
        if key in node:
            yield node
        for name in node:
            if isinstance(inner := node._get_node(name), DictConfig):
                yield from _with_key(inner, key)
