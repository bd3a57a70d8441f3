"""Table `accounts`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class Account(Row):
    """One row per account in the directory, human or not, enabled or not."""

    KEY: ClassVar[tuple[str, ...]] = ("account_id",)

    account_id: Annotated[Id, "The provider's immutable id; every other table joins on it."]
    username: Annotated[str | None, "Sign-in name: user principal name or primary address."] = None
    display_name: Annotated[str | None, "Name as shown to colleagues; anyone may choose any text."] = None
    kind: Annotated[str | None, "member, guest, shared, room, sync or service."] = None
    external: Annotated[bool | None, "Invited from another organisation."] = None
    enabled: Annotated[bool | None, "The account can sign in today."] = None
    created_at: Annotated[datetime | None, "When the account was created, UTC."] = None
    activity: Annotated[str | None, "seen: signed in at some time; never: the provider knows it never did."] = None
    last_success_at: Annotated[datetime | None, "Last successful interactive sign-in, UTC."] = None
    last_noninteractive_at: Annotated[datetime | None, "Last sign-in by an app on the person's behalf, UTC."] = None
    unused_since: Annotated[
        datetime | None, "No use is on record after this, UTC: last sign-in, else creation or when records began."
    ] = None
    last_attempt_at: Annotated[datetime | None, "Last attempt, successful or not, UTC."] = None
    password_changed_at: Annotated[datetime | None, "Last change of the password, UTC."] = None
    password_never_expires: Annotated[bool | None, "The password is exempt from expiry."] = None
    synced: Annotated[bool | None, "Copied from an on-premises directory; false: lives only in the cloud."] = None
    licensed: Annotated[bool | None, "Holds at least one licence."] = None
    department: Annotated[str | None, "Department as entered in the directory."] = None
    org_unit: Annotated[str | None, "Organisational unit path (Google)."] = None
    recovery_data: Annotated[bool | None, "A recovery address or phone is on file; never its value."] = None
    mail: Annotated[str | None, "Primary mail address; a guest's is the one used at home."] = None
    premium: Annotated[bool | None, "The account itself has a licence that includes Entra ID P1 or P2."] = None
    invitation: Annotated[str | None, "pending or accepted, of somebody invited; null of everybody else."] = None
    status: Annotated[str | None, "active, suspended or archived, where the provider tells them apart."] = None
    status_reason: Annotated[str | None, "Why it is suspended, in the provider's word."] = None
    administrator: Annotated[
        str | None, "highest, other or none: the directory's own flag, whatever the list of roles says."
    ] = None


def home_address(username: str | None) -> str | None:
    """The name a person signs in with; of a guest the one used at home.

    Microsoft calls ada@home.example, once invited, ada_home.example#EXT#@tenant.

    >>> home_address("ada_home.example#EXT#@tenant.example"), home_address("ada@tenant.example")
    ('ada@home.example', 'ada@tenant.example')
    """
    own, invited, _ = (username or "").partition("#EXT#@")
    person, at, home_domain = own.rpartition("_")
    return f"{person}@{home_domain}" if invited and at else username
