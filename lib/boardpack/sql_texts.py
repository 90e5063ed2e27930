"""Names and texts as SQL takes them, whatever they hold."""

from __future__ import annotations


def quoted(name: str) -> str:
    """A column or table as SQL takes it, whatever its name holds."""
    return '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    """A text as SQL takes it.

    >>> quoted_text("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
