"""Text for a screen of 100 columns, or as many as are asked for."""

from __future__ import annotations

from textwrap import wrap

WIDTH = 100


def broken(first: str, text: str, hang: str | None = None, width: int = WIDTH) -> str:
    """Text behind a label, broken at the width; lines that follow stand under the text, or behind `hang`."""
    under = " " * len(first) if hang is None else hang
    return "\n".join(wrap(text, width, initial_indent=first, subsequent_indent=under,
                          break_long_words=False, break_on_hyphens=False))  # fmt: skip
