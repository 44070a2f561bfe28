"""The audit.json that `data.audit` names: near copies that must not lie in two sets."""

from pathlib import Path
from typing import NamedTuple

from src import plain_files

AUDIT_SCHEMA = 1


class Audit(NamedTuple):
    """What the training asks of an audit: pairs of clips that hold the same recording, and the clips that it heard."""

    near_copies: list[tuple[str, str]]
    measured: frozenset[str]


def read_audit(path: Path) -> Audit:
    """What an audit.json says. Raises ValueError where it is missing, broken or of another version."""
    again = "`python -m src.audit` writes one."
    if not path.is_file():
        raise ValueError(f"data.audit is {path}, which is no file: expected the audit.json of an audit. {again}")
    content = plain_files.json_object(path.parent, path.name, mend=again)
    if content.get("schema") != AUDIT_SCHEMA:
        raise ValueError(
            f"data.audit: {path} has schema {content.get('schema')!r}, expected {AUDIT_SCHEMA}: it is no audit, or one by "
            f"another version of this project. {again}"
        )
    try:
        pairs = [(str(pair["a"]), str(pair["b"])) for pair in content["near_copies"]]
        return Audit(pairs, frozenset(map(str, content["clips"])))
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"data.audit: {path} is no whole audit: expected near_copies, a list of pairs with a and b, and clips, a list "
            f"of names. {again}"
        ) from error
