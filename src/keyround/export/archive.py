"""A workbook from anywhere as the archive it is: whose it says it is, and whether it is safe to take apart."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from ..errors import ConfigError

_MOST_BYTES = 200 * 2**20
"""Of the file; and of each part that has to be held in memory, unpacked."""
_MOST_UNPACKED = 2 * 2**30
_MOST_PARTS = 10_000
_MOST_PROPERTIES = 2**20
_REMEDY = "Save it as an Excel workbook (.xlsx) without a password and name that file, or leave it out."
_STREAMED = re.compile(r"xl/worksheets/[^/]+\.xml")


@dataclass(frozen=True, slots=True)
class Properties:
    """What the file says of itself; empty where it does not."""

    client: str = ""
    scan: str = ""
    workbook: str = ""


def properties(path: Path) -> Properties:
    """What a file says of itself, without reading the rest. Raises ConfigError."""
    with _opened(path) as book:
        return _properties(book)


def refused(path: Path, why: str) -> ConfigError:
    return ConfigError(f"{path} {why}.", _REMEDY)


def _opened(path: Path) -> zipfile.ZipFile:
    """The file as the archive it must be, within its bounds."""
    try:
        with path.open("rb") as file:
            begins = file.read(8)
        if begins.startswith(b"\xd0\xcf\x11\xe0"):
            raise refused(path, "is protected with a password, or an old .xls file")
        if path.stat().st_size > _MOST_BYTES:
            raise refused(path, "is larger than any workbook of ours")
        book = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise ConfigError(f"There is no file {path}.", "Correct the path.") from error
    except OSError as error:
        raise refused(path, f"cannot be read ({error.strerror or error})") from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise refused(path, "is no Excel workbook") from error
    parts = book.infolist()
    why = ""
    if any(part.flag_bits & 1 for part in parts):
        why = "is protected with a password"
    elif sum(part.file_size for part in parts) > _MOST_UNPACKED or len(parts) > _MOST_PARTS:
        why = "is larger, unpacked, than any workbook of ours"
    elif any(part.file_size > _MOST_BYTES and not _STREAMED.fullmatch(part.filename) for part in parts):
        why = "has a part that is larger than that of any workbook of ours"
    elif "[Content_Types].xml" not in book.namelist():
        why = "is no Excel workbook"
    if why:
        book.close()
        raise refused(path, why)
    return book


def _properties(book: zipfile.ZipFile) -> Properties:
    """Read by hand: the whole of openpyxl's opening costs a hundred times as much."""
    found: dict[str, str] = {}
    try:
        if book.getinfo("docProps/custom.xml").file_size > _MOST_PROPERTIES:
            return Properties()
        for one in ElementTree.fromstring(book.read("docProps/custom.xml")):
            found[str(one.get("name"))] = "".join(one.itertext()).strip()
    except (KeyError, ElementTree.ParseError, zipfile.BadZipFile, OSError, EOFError, NotImplementedError):
        pass  # Google Sheets and others keep none
    except Exception:  # whatever a broken stream makes of zlib
        found = {}
    return Properties(*(found.get(f"Keyround{name}", "") for name in ("Client", "Scan", "Workbook")))
