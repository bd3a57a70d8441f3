"""A workbook that only opens with a password: Excel's own encryption (AES-256), which LibreOffice opens too."""

from __future__ import annotations

import io
from pathlib import Path

from ...errors import ConfigError, StoreError

SHORTEST = 12
"""A workbook in a mail can be guessed at for years, as fast as a computer can."""


def sealed(workbook: Path, password: str, place: str) -> bytes:
    """The encrypted copy; `place` is where the password is configured. Raises ConfigError, StoreError."""
    from msoffcrypto.format.ooxml import OOXMLFile

    password = password.strip()
    if len(password) < SHORTEST:
        raise ConfigError(
            f"{place}: the password of the attached workbook is shorter than {SHORTEST} characters.",
            "Choose a longer one, such as four words, and tell it the readers by phone.",
            "Nothing was attached or sent.",
        )
    out = io.BytesIO()
    try:
        with workbook.open("rb") as file:
            OOXMLFile(file).encrypt(password, out)
    except OSError as error:
        raise StoreError(f"{workbook} cannot be read: {error.strerror}.") from error
    return out.getvalue()
