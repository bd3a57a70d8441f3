"""The questions about a new client, its tenants' sections out of the answers, and what to do in the tenants next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
import platformdirs

from .. import setup
from ..config import Client, TenantConfig
from ..config.keys import key_of
from ..errors import CollectError, ConfigError
from ..installed import connector
from ..store import ClientStore
from .lines import broken
from .whole import completed


def answered(
    given: Mapping[str, str], there: bool, verb: str, further: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Every answer, asked for where no option gave it. `there`: there is a configuration. `further`: questions at the
    end. Raises ConfigError.
    """
    try:
        return _answers(given, there, further or {})
    except (click.Abort, EOFError) as error:
        raise ConfigError(
            "An answer is missing.", f"Answer in a terminal, or give every answer: `keyround {verb} --help`."
        ) from error


def _answers(given: Mapping[str, str], there: bool, further: Mapping[str, str]) -> dict[str, str]:
    found = dict(given)

    def ask(name: str, question: str, default: str = "") -> str:
        if name not in found:
            found[name] = click.prompt(question, default=default, show_default=bool(default), err=True)
        return found[name].strip()

    name = ask("name", "Full name of the client")
    found["key"] = key_of(found.get("key") or name)
    if ask("m365", "Microsoft 365: a domain of the tenant (Enter for none)") or found["tenant_id"]:
        ask("credential", "  How to sign in", "certificate")
        ask("client_id", "  Application (client) ID (Enter when there is none yet)")
    ask("google", "Google Workspace: address of an administrator (Enter for none)")
    if not (found["m365"] or found["google"] or found["tenant_id"]):
        raise ConfigError("A client needs a tenant.", "Give --m365 DOMAIN, --google ADMIN, or both.")
    ask("home", "Home countries, such as DK,SE (Enter for the tenant's own)")
    if not there:
        ask("store", "Where to keep snapshots", usual_store())
    for name, question in further.items():
        ask(name, question)
    return found


def usual_store() -> str:
    return str(Path(platformdirs.user_data_dir("keyround")) / "store")


def tenants_of(
    answers: Mapping[str, str], extra: Mapping[str, str], like: Mapping[str, Mapping[str, str]] | None = None
) -> list[dict[str, str]]:
    """The sections of the tenants that the answers name. `like`: by connector, what they have in common with others'.

    May ask a provider which tenant a domain belongs to. Raises KeyroundError.
    """
    like = like or {}
    microsoft = {"client": answers["key"], "domain": answers["m365"], "tenant_id": answers["tenant_id"]}
    microsoft |= {name: answers.get(name, "") for name in ("credential", "client_id")} | dict(extra)
    google = {"client": answers["key"], "subject": answers["google"], "customer_id": answers["customer_id"]}
    google |= {"credential": answers["google_credential"]} | {k: v for k, v in extra.items() if k != "client"}
    wanted = []
    if answers["m365"] or answers["tenant_id"]:
        wanted.append(_section("m365", microsoft, like.get("m365", {})))
    if answers["google"]:
        wanted.append(_section("google", google, like.get("google", {})))
    return wanted


def _section(provider: str, answers: Mapping[str, str], like: Mapping[str, str]) -> dict[str, str]:
    reader = connector(provider)
    door = setup.of(reader)
    if door is None:
        raise ConfigError(f"{reader.title} offers no help with its section.", "Its README shows what to write.")
    return door.section({**like, **{name: answer for name, answer in answers.items() if answer}})


def next_steps(client: Client, store: Path) -> None:
    """What the tenants tell already goes into the file; then what to click or run in each."""
    for tenant in client.tenants:
        _completed(client.key, tenant, ClientStore(store, client.key))
        if door := setup.of(connector(tenant.connector)):
            print(door.steps(client.key, tenant.settings), end="\n\n")


def _completed(key: str, tenant: TenantConfig, store: ClientStore) -> None:
    """Mostly a tenant tells nothing yet: the steps come next."""
    try:
        completed(key, tenant, store, alone=True)
    except ConfigError:
        return  # a key that the steps below have yet to make
    except CollectError as error:
        print(broken("", f"Not yet: {error}"), end="\n\n")
