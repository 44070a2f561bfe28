"""Which published weights a run uses: the digest of their file is one of its settings."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig


def record_digests(config: "DictConfig", must_exist: bool = True) -> None:
    """Set `sha256` of each feature in a config that has `weights`, in place, to the digest of the file that is found.

    Called before a run gets its identity and its folder: the content of the file changes the scores, its path does not.
    Raises ValueError if there is no such file, or if `sha256` is set and no file has it, unless `must_exist` is false.
    """
    for node in _with_weights(config.get("feature")):
        from src.pretrained import files  # imported here, because names of sweeps must not wait for torch

        find = files.require if must_exist else files.find_any
        file = find(files.EFFICIENTAT, node.weights, node.sha256)
        node.sha256 = files.digest(file) if file else node.sha256


def _with_weights(node: object) -> "Iterator[DictConfig]":
    """Yield the features whose weights are a file, at any depth."""
    from omegaconf import DictConfig

    if isinstance(node, DictConfig):
        if "weights" in node and "sha256" in node:
            yield node
        for name in node:
            if isinstance(inner := node._get_node(name), DictConfig):
                yield from _with_weights(inner)
