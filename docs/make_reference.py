"""Write docs/reference.md, every key of every choice, from the comments of conf/: `python docs/make_reference.py [--check]`."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference.md"
HEAD = """# Reference: choices and keys

Generated from the comments of `conf/` by `python docs/make_reference.py`; edit those. A choice is set by `group=choice`, a key by
`key=value`. The same text is printed by `python -m src.train --help` and `--help-key KEY`.
"""


def main() -> int:
    """Write the page. With --check, only compare it with conf/, and return 1 if it is out of date."""
    page = render()
    if "--check" in sys.argv[1:]:
        return int(PAGE.read_text(encoding="utf-8") != page)
    PAGE.write_text(page, encoding="utf-8")
    return 0


def render() -> str:
    """Format the page as Markdown."""
    sys.path.insert(0, str(ROOT))
    from src.config import GROUPS
    from src.config_reference import Key, choices, program_keys

    def table(keys: list[Key]) -> list[str]:
        rows = [f"| `{key.name}` | `{key.default}` | {key.range} | {cell(key.comment)} |" for key in keys]
        return ["| key | default | range | meaning |", "|---|---|---|---|", *rows, ""] if rows else []

    lines = [
        HEAD,
        "## Keys of a run",
        "",
        *table(program_keys("train")),
        "## Keys of an audit",
        "",
        *table(program_keys("audit")),
    ]
    for group in GROUPS:
        lines += [f"## {group}", ""]
        group_choices = choices(group)
        lines += [
            "| choice | what it is |",
            "|---|---|",
            *(f"| `{group}={c.name}` | {cell(c.summary)} |" for c in group_choices),
            "",
        ]
        for choice in group_choices:
            if choice.keys:
                lines += [f"### {group}={choice.name}", "", *table(choice.keys)]
    return "\n".join(lines).rstrip() + "\n"


def cell(text: str) -> str:
    """Escape a text for a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    sys.exit(main())
