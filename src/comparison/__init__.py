"""Groups of runs side by side on the same test clips: what differs, how surely, and where."""

from src.comparison.compared import SCHEMA, compare
from src.comparison.side import Side, sides
from src.comparison.told import Table, notes, sentence, tables

__all__ = ["SCHEMA", "Side", "Table", "compare", "notes", "sentence", "sides", "tables"]
