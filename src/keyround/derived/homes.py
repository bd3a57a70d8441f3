"""Where each person of a tenant is at home besides the home countries, and who is on a trip when.

The client's words are user names, groups, departments and organisational units; here they become accounts. Where it
cannot be known who is meant, everybody may be: a country is then neither home nor abroad for anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from ..terms import Home, Remark, Terms, Trip
from ..words import country, listed, say

if TYPE_CHECKING:
    import duckdb

ANY = "*"
"""Stands for every person, and for every country."""

# People are called as they sign in; guests also as they are called at home.
_ACCOUNTS = """
select lower(username), account_id from accounts where list_contains($names::varchar[], lower(username))
union
select lower(mail), account_id from accounts
where (external or kind = 'guest') and list_contains($names::varchar[], lower(mail))
"""

# `sure`: is a member; null: may be one. An id is stored with its provider's name before it.
_MEMBERS = """
with meant as (
    select group_id, bool_or(members_known) as known, bool_or(exists is not false) as there
    from groups
    where lower(name) = $name or lower(regexp_replace(group_id, '^[^:]*:', '')) = $name
    group by group_id
),
units as (
    select rtrim(lower(path), '/') as path from org_units
    where lower(path) = $name or lower(name) = $name or lower(regexp_replace(unit_id, '^[^:]*:', '')) = $name
    union
    select rtrim($name, '/') where starts_with($name, '/')
),
inside as (
    select a.account_id, true as sure, 'unit' as way
    from accounts a join units u on lower(a.org_unit) = u.path or starts_with(lower(a.org_unit), u.path || '/')
    union
    select account_id, true, 'department' from accounts where lower(department) = $name
    union
    select m.member_id, case when m.relation = 'member' and m.state = 'active' then true end, 'group'
    from group_members m join meant using (group_id)
    where (m.relation = 'member' and m.state = 'active') is not false
      and (m.member_kind in ('account', 'everybody')) is not false
    union
    select '*', true, 'group'
    from group_members m join meant using (group_id)
    where m.member_kind = 'everybody'
)
select (select list(struct_pack(who := account_id, sure := sure)) from inside) as members,
       (select count(*) > 0 from meant) or (select count(*) > 0 from inside)
         or (select count(*) > 0 from org_units o join units u on rtrim(lower(o.path), '/') = u.path) as there,
       (select coalesce(bool_or(there and known is not true), false) from meant) as hidden
"""

# The nearest there is to a word that nobody knows, if it is near.
_NEAREST = """
select word from (
    select username as word from accounts where $people
    union select name from groups where not $people and exists is not false
    union select department from accounts where not $people
    union select name from org_units where not $people
)
where jaro_winkler_similarity(lower(word), lower($word)) > 0.85
order by jaro_winkler_similarity(lower(word), lower($word)) desc, word
limit 1
"""


@dataclass(frozen=True, slots=True)
class Named:
    """What of the client's words a tenant knows: accounts by name, members by the name of a group, unit or department.

    `members` map who is in it to whether that is sure; `hidden` are names of groups whose members could not be read;
    `nearest` maps a word that is not known here to one that is, where one is near.
    """

    accounts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    members: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    nearest: Mapping[str, str] = field(default_factory=dict)

    def known(self) -> frozenset[str]:
        return frozenset(self.accounts) | frozenset(self.members)


def people_of(terms: Terms) -> frozenset[str]:
    """Every user name that the homes and trips mention."""
    return frozenset(name for people in (*(h.people for h in terms.homes), *(t.people for t in terms.trips))
                     for name in people)  # fmt: skip


def groups_of(terms: Terms) -> frozenset[str]:
    """Every group, department and unit that the homes mention, as written."""
    return frozenset(home.group for home in terms.homes if home.group)


def named(db: duckdb.DuckDBPyConnection, terms: Terms) -> Named:
    """Look the client's words up in one tenant."""
    accounts: dict[str, set[str]] = {}
    people, groups = people_of(terms), groups_of(terms)
    if people:
        for name, account in db.execute(_ACCOUNTS, {"names": sorted(people)}).fetchall():
            accounts.setdefault(name, set()).add(account)
    members, hidden = {}, set()
    for group in groups:
        ((inside, there, unread),) = db.execute(_MEMBERS, {"name": group.lower()}).fetchall()
        if there:
            members[group] = {one["who"]: bool(one["sure"]) for one in inside or ()}
        if unread:
            hidden.add(group)
    nearest = {}
    for word in (people | groups) - accounts.keys() - members.keys():
        for (near,) in db.execute(_NEAREST, {"word": word, "people": word in people}).fetchall():
            nearest[word] = near
    return Named({name: frozenset(ids) for name, ids in accounts.items()}, members, frozenset(hidden), nearest)


def remarks(terms: Terms, found: Mapping[str, Named]) -> tuple[Remark, ...]:
    """What of the homes and trips nobody could be found for in any tenant, or not everybody. `found` is by tenant."""
    known = {word for here in found.values() for word in here.known()}
    near = {word: right for here in found.values() for word, right in here.nearest.items()}

    def remedy(word: str, otherwise: str) -> str:
        return say("remark.nearest", word=near[word], otherwise=otherwise) if word in near else otherwise

    said = [
        Remark(
            say("remark.no_account", name=name),
            say("remark.no_account_therefore", name=name),
            remedy(name, say("remark.no_account_remedy")),
        )
        for name in sorted(people_of(terms) - known)
    ]
    for group in sorted(groups_of(terms)):
        codes = sorted({code for home in terms.homes if home.group == group for code in home.countries})
        countries = listed([country(code) for code in codes])
        therefore, otherwise = say("remark.group_therefore", countries=countries), say("remark.group_remedy")
        if group not in known:
            said.append(Remark(say("remark.no_group", name=group), therefore, remedy(group, otherwise)))
            continue
        said += [
            Remark(say("remark.hidden", name=group), therefore, otherwise, tenant)
            for tenant, here in found.items()
            if group in here.hidden
        ]
    return tuple(said)


def parameters(terms: Terms, here: Named, elsewhere: frozenset[str] = frozenset()) -> dict[str, Any]:
    """What sign_in_places.sql is given. `elsewhere` are words that another tenant of the client knows.

    Persons are account ids, or user names in lower case where a record names no account of the directory.
    """
    sure: set[tuple[str, str]] = set()
    perhaps: set[tuple[str, str]] = set()
    for home in terms.homes:
        for code in home.countries:
            for who, certain in _at_home(home, here, elsewhere):
                (sure if certain else perhaps).add((who, code))
    homes = [*((*one, True) for one in sorted(sure)), *((*one, False) for one in sorted(perhaps - sure))]
    trips = sorted({way for trip in terms.trips for way in _ways(trip, here)})
    return {
        "home_who": [who for who, _, _ in homes],
        "home_country": [code for _, code, _ in homes],
        "home_sure": [certain for _, _, certain in homes],
        # Who is in no directory any more may have been in the group; a record that names nobody is perhaps anybody's.
        "strangers": sorted({code for home in terms.homes if home.group for code in home.countries}),
        "nameless": sorted({code for home in terms.homes for code in home.countries}),
        "trip_who": [who for who, *_ in trips],
        "trip_country": [code for _, code, *_ in trips],
        "trip_first": [first for *_, first, _ in trips],
        "trip_last": [last for *_, last in trips],
        "asns": sorted({asn for network in terms.networks for asn in network.asns}),
    }


def _at_home(home: Home, here: Named, elsewhere: frozenset[str]) -> Iterable[tuple[str, bool]]:
    """Everybody whose home it is, and whether that is sure."""
    if not home.group:
        return [(who, True) for name in home.people for who in (name, *here.accounts.get(name, ()))]
    members = here.members.get(home.group)
    if members is None:
        return [] if home.group in elsewhere else [(ANY, False)]
    return [*members.items(), *([(ANY, False)] if home.group in here.hidden else [])]


def _ways(trip: Trip, here: Named) -> Iterable[tuple[str, str, date, date]]:
    who = {one for name in trip.people for one in (name, *here.accounts.get(name, ()))} if trip.people else {ANY}
    return [(one, code, trip.first, trip.last) for one in who for code in trip.countries or (ANY,)]
