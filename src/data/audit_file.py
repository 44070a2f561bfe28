"""Read `data.audit`, the audit.json of an audit: near copies that must not be in two different sets."""

from pathlib import Path
from typing import NamedTuple

from src import plain_files

AUDIT_SCHEMA = 1
MAX_BYTES = 1_000_000_000  # an audit of 100,000 clips has about 100 MB


class Audit(NamedTuple):
    """Pairs of near copies that an audit has found, and the names of the clips that it measured."""

    near_copies: list[tuple[str, str]]
    measured: frozenset[str]


def read_audit(path: Path) -> Audit:
    """Read an audit.json. Raises ValueError if the file is missing, broken or of another version."""
    advice = "`python -m src.audit` writes one."
    if not path.is_file():
        raise ValueError(f"data.audit is {path}, which is not a file: expected the audit.json of an audit. {advice}")
    content = plain_files.json_object(path.parent, path.name, advice=advice, most_bytes=MAX_BYTES)
    if content.get("schema") != AUDIT_SCHEMA:
        raise ValueError(
            f"data.audit: {path} has schema {content.get('schema')!r}, expected {AUDIT_SCHEMA}: it is not an audit, or one "
            f"by another version of this project. {advice}"
        )
    try:
        pairs = [(str(pair["a"]), str(pair["b"])) for pair in content["near_copies"]]
        return Audit(pairs, frozenset(map(str, content["clips"])))
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"data.audit: {path} is not a complete audit: expected near_copies, a list of pairs with a and b, and clips, a "
            f"list of names. {advice}"
        ) from error
