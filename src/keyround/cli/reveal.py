"""`keyround reveal CLIENT CODE --reason TEXT`: who is behind a code of a report; written down before it is said."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from ..errors import ConfigError, StoreError
from ..export.clean import short
from ..installed import connector
from ..model import prefixed
from ..store import ClientStore, Snapshot, codes, reveals
from . import options

_WHERE = {"P": ("accounts", "account_id"), "D": ("devices", "device_id")}


@click.command(help="Say who is behind a code of a report, such as P-17 or D-3. The moment, the code, the reason and "
                    "who asked are written into the client's reveals.log first.")  # fmt: skip
@options.client
@click.argument("code", required=False)
@options.config
@click.option("--reason", metavar="TEXT", default="", help="Why it must be known.")
@click.option("--log", "listing", is_flag=True, help="Show every look so far, and name nobody.")
def command(client: str, code: str | None, path: Path | None, reason: str, listing: bool) -> None:
    config = options.configuration(path)
    store = ClientStore(config.store, config.client(client).key)
    if listing:
        return _listed(store)
    if not code:
        raise click.UsageError("Missing argument 'CODE': the code that the report shows, such as P-17.")
    reason = " ".join(reason.split())
    if not reason:
        raise click.UsageError("Missing option '--reason': nobody is named without one.")
    code = code.strip().upper()
    keys = codes.read(store.root).keys(code)
    if not keys:
        raise ConfigError(f"Nobody and nothing of {client} has the code {code!r}.", "Type it as the report shows it.")
    reveals.write(store.root, options.now(), code, reason)
    for line in _found(store, "D" if code.startswith("D") else "P", keys):
        print(f"{code}: {line}")
    return None


def _listed(store: ClientStore) -> None:
    looks = list(reveals.read(store.root))
    for one in looks:
        print("  ".join(map(_plain, (one.instant, one.code, one.who, one.reason))))
    if not looks:
        print("Nobody has looked behind a code yet.")


def _found(store: ClientStore, kind: str, keys: list[str]) -> Iterator[str]:
    """Each account or device by name, as the newest snapshot that knows it calls it."""
    missing = dict.fromkeys(keys)
    for key in keys:
        tenant, _, subject = key.partition("/")
        if subject.startswith("name:"):
            del missing[key]
            said = subject.removeprefix("name:")
            yield _plain(f"{said} (as a sign-in says; in no directory of {tenant})")
    for stamp in reversed(store.stamps()):
        if not missing:
            return
        try:
            snapshot = store.snapshot(stamp)
            for key in list(missing):
                if said := _in(snapshot, kind, key):
                    del missing[key]
                    yield said
        except StoreError as error:
            print(error.detail, file=sys.stderr)
    for key in missing:
        tenant, _, subject = key.partition("/")
        yield _plain(f"no snapshot that is kept knows the name any more. Tenant {tenant}, id {subject}")


def _in(snapshot: Snapshot, kind: str, key: str) -> str:
    tenant, _, subject = key.partition("/")
    entry: Mapping[str, Any] | None = next((one for one in snapshot.manifest["tenants"] if one["id"] == tenant), None)
    if entry is None:
        return ""
    files = snapshot.files(entry)

    def one(table: str, column: str, identifier: str) -> dict[str, Any]:
        """The row of that id, the one that says most; empty where there is none."""
        rows = [row for path in files.get(table, ()) for row in _read(path, tenant, column, identifier)]
        return max(rows, key=lambda row: sum(value is not None for value in row.values()), default={})

    row = one(*_WHERE[kind], prefixed(entry["connector"], subject))
    if not row:
        return ""
    whose = row.get("account_id")
    owner = one("accounts", "account_id", whose) if kind == "D" and whose else row
    named = (row["name"] if kind == "D" else row["display_name"], owner.get("username"))
    said = ", ".join(filter(None, named)) or subject
    return _plain(f"{said} ({connector(entry['connector']).title})")


def _read(path: Path, tenant: str, column: str, identifier: str) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = pq.read_table(path, filters=[("tenant", "=", tenant), (column, "=", identifier)])
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path} cannot be read: {error}.") from error
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _plain(text: str) -> str:
    """Names come from the tenant: on one line, without control characters."""
    return short(text, 400)
