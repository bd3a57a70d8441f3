"""Every error a user can meet, grouped by what they can do about it.

An error carries three sentences: what happened, what the report will therefore
not say, and the one thing to do next. The CLI, the log and the workbook's
"Not checked" sheet print the same three.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any, ClassVar


class KeyroundError(Exception):
    """What happened, what follows from it, what to do next. Never raised for a bug of ours."""

    remedy_by_default: ClassVar[str] = "Run the command again with --verbose; if it repeats, report it with the output."

    def __init__(self, detail: str, remedy: str = "", therefore: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.therefore = therefore
        self.remedy = remedy or self.remedy_by_default

    def __str__(self) -> str:
        return " ".join(filter(None, (self.detail, self.therefore, self.remedy)))


class ConfigError(KeyroundError):
    """The command line, keyround.toml or a secret it names is wrong."""

    remedy_by_default = "Correct the configuration and run the command again."


class RuleError(KeyroundError):
    """A rule file is wrong. Always fatal, always names the file.

    `line`: where in the select it is, counted from 0, as far as that is known.
    """

    remedy_by_default = "Correct the rule file; `keyround rules test FILE` says whether it is right."
    line: int | None = None


class StoreError(KeyroundError):
    """A snapshot could not be written or read."""

    remedy_by_default = "Earlier snapshots are untouched. Free some space or correct the permissions, then scan again."


def denied(error: OSError, therefore: str = "") -> StoreError:
    """The computer itself refused: a full disk, no rights, no more processes."""
    what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    return StoreError(f"The computer refused: {what}.", therefore=therefore)


class Busy(StoreError):
    """Another process is at this client's store."""

    remedy_by_default = "Wait until it has ended, then scan again."


class WrongTenant(KeyroundError):
    """The credential opens another tenant than the configuration names. Nothing was stored."""

    remedy_by_default = "Check tenant_id or customer_id and the credential of this client; nothing was stored."


class CollectError(KeyroundError):
    """A data set could not be read in full. Subclasses differ in what helps; none of them aborts the scan.

    `code` is the provider's own word for it, kept for the technician.
    """

    def __init__(self, detail: str, remedy: str = "", therefore: str = "", code: str = "") -> None:
        super().__init__(detail, remedy, therefore)
        self.code = code

    @property
    def kind(self) -> str:
        return type(self).__name__

    def about(self, therefore: str) -> CollectError:
        """The same error, saying what the report is silent about because of it."""
        return type(self)(self.detail, self.remedy, therefore, self.code)

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "detail": self.detail, "therefore": self.therefore, "remedy": self.remedy,
                "code": self.code}  # fmt: skip


class NotGranted(CollectError):
    """The app registration, service account or signed-in person lacks a permission."""

    remedy_by_default = "An administrator must grant the permission that `keyround check` names."


class NotLicensed(CollectError):
    """The tenant's plan does not include it. Nothing is broken."""

    remedy_by_default = "Nothing to repair: the tenant's plan does not include this report."


class NotEnabled(CollectError):
    """The plan includes it, but it is switched off in the tenant or in the configuration."""

    remedy_by_default = "Switch it on in the tenant if you want these checks."


class Throttled(CollectError):
    """The provider kept asking us to wait for longer than our patience."""

    remedy_by_default = "Scan again later, best outside office hours."


class Expired(CollectError):
    """The credential, token or page token is no longer valid."""

    remedy_by_default = "Renew the credential and scan again."


class Unreachable(CollectError):
    """The provider could not be reached, or kept breaking off."""

    remedy_by_default = "Check the network, the proxy and the provider's status page, then scan again."


class Unexpected(CollectError):
    """The provider answered something no documentation mentions."""

    remedy_by_default = "Scan again; if it repeats, report it to us with the code shown."


COLLECT_ERRORS: dict[str, type[CollectError]] = {
    kind.__name__: kind for kind in (NotGranted, NotLicensed, NotEnabled, Throttled, Expired, Unreachable, Unexpected)
}
HARMLESS = (NotLicensed, NotEnabled)
"""Kinds that leave the exit status alone: the tenant is not broken, it just does not have this."""


def from_json(raw: dict[str, Any]) -> CollectError:
    """The error that `as_json` wrote; a kind from a later version becomes Unexpected."""
    kind = COLLECT_ERRORS.get(raw["kind"], Unexpected)
    return kind(raw["detail"], raw["remedy"], raw["therefore"], raw["code"])


def for_client(remedy: str, key: str) -> str:
    """A command that a connector names can be typed as it stands: `keyround consent CLIENT` with the client's key."""
    return remedy.replace(" CLIENT", f" {key}")


def nearest(word: str, known: Collection[str]) -> str:
    """The remedy for a misspelt word: the closest right one, or all of them."""
    if close := get_close_matches(word, known, 1):
        return f"Did you mean {close[0]!r}?"
    return f"Known: {', '.join(sorted(known))}." if known else "There is none yet."
