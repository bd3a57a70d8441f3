"""From settings to tokens: a credential of google-auth for each set of scopes.

One scope that was not granted fails the whole token, so each set of scopes has
a token of its own, and names itself. Whatever is refused here is said in the
words of `errors.toml`; keys, tokens and codes never get into a sentence.

Source  https://developers.google.com/identity/protocols/oauth2/service-account
        https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import google.auth
import msgspec
from google.auth.credentials import Credentials as Carried
from google.auth.credentials import with_scopes_if_required
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, RefreshError, TransportError
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials

from keyround.connector import Clock
from keyround.errors import CollectError, ConfigError, NotEnabled, NotGranted, Unexpected, Unreachable

from . import permissions, signing_in
from .patience import Patience
from .refusals import DELEGATION, Refusal, client_of, grant, judge, of_scopes, read, read_token
from .settings import IAM, MAKE_KEY, Settings, SignedIn
from .transport import BROKEN, NETWORK, Aside, Refused, untrusted

# What google-auth warns of is said in our own sentences; its own would go to the terminal.
logging.getLogger("google").addHandler(logging.NullHandler())

NOT_DELEGATED = "not_delegated"
NOT_TICKED = "scope_not_granted"
ARRIVES = timedelta(hours=24)
"""How long Google says that a delegation may take."""
SOON = timedelta(minutes=4)  # google-auth renews a token that ends sooner
CLOUD = "https://www.googleapis.com/auth/cloud-platform"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
MEMORY = "delegation"

Token = tuple[str, datetime]
Fetch = Callable[[Any, tuple[str, ...]], Token]


class Tokens:
    """Every token of one session; may be asked by several threads.

    `asked` is every scope that is wanted of a person; `memory` keeps since when a delegation is awaited.
    """

    def __init__(
        self, settings: Settings, clock: Clock, memory: MutableMapping[str, Any] | None = None,
        asked: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self._settings, self._clock, self._memory = settings, clock, memory
        self.asked = tuple(asked)
        self._turn, self._door = threading.Lock(), threading.Lock()
        self._held: dict[tuple[str, ...], Any] = {}
        self._renewals: dict[tuple[str, ...], _Renewal] = {}
        self._person: SignedIn | None = settings.signed_in
        self._ways: dict[str, Callable[[], Fetch]] = {
            "service_account": self._by_key,
            "service_account_role": self._by_key,
            "impersonation": self._by_impersonation,
            "oauth": self._by_person,
            "token": self._by_hand,
        }
        self._fetch = self._ways[settings.credential]()

    def for_scopes(self, scopes: tuple[str, ...]) -> Any:
        """google-auth credentials that carry the token for `scopes`; refreshing them raises any CollectError.

        One token serves all scopes of a person; whoever finds it over at the same time gets the same new one.
        """
        person = self._settings.credential == "oauth"
        with self._turn:
            if scopes not in self._held:
                renewal = self._renewals.setdefault(() if person else scopes, _Renewal(self._renewed))

                def ask(request: Any, old: str | None) -> Token:
                    if person:
                        self._granted_by_person(scopes)
                    return renewal.after(old, request, scopes)

                self._held[scopes] = _Carried(ask, self._settings.token or None)
            return self._held[scopes]

    def sign_in(self, who: str = "") -> SignedIn:
        """Signs the person in, unless that is done; `who` is an address or domain to suggest. Raises CollectError."""
        return self._signed_in(who)

    def held(self, scopes: Sequence[str]) -> frozenset[str] | None:
        """What a person granted, or which of `scopes` Google gives a token for; None where nobody can tell.

        Raises CollectError when the credential itself is refused.
        """
        if self._settings.credential == "oauth":
            return frozenset(self._signed_in().scopes)
        if not self._settings.delegated:
            return None
        found = set()
        with Aside() as line:
            for scope in scopes:
                carried = self.for_scopes((scope,))
                try:
                    if not carried.valid:
                        self._patiently(carried.refresh, line)
                except NotGranted:
                    continue
                found.add(scope)
        return frozenset(found)

    def grant(self, scopes: Sequence[str]) -> str:
        """What an administrator does for these scopes to be granted."""
        return grant(self._settings, scopes)

    def ends(self) -> datetime | None:
        """When a person's sign-in ends, where Google named a day."""
        found = self._person.ends if self._person else ""
        return datetime.fromisoformat(found) if found else None

    def undelegated(self, error: CollectError) -> CollectError:
        """`error`, or where it says that nothing at all is delegated yet: what to compare, all of it."""
        if error.code != NOT_DELEGATED:
            return error
        since = self._awaited() or {}
        detail = f"No scope is delegated to the service account yet.{self._waiting(min(since.values(), default=''))}"
        remedy = f"{DELEGATION}: compare the client id, {client_of(self._settings)}, and the scopes, letter by letter:"
        return NotGranted(detail, f"{remedy} {','.join(self.asked)}", error.therefore, error.code)

    def _renewed(self, request: Any, scopes: tuple[str, ...]) -> Token:
        """A new token. Raises CollectError for a refusal; what may pass by waiting comes through as it is."""
        try:
            token, expiry = self._fetch(request, scopes)
        except RefreshError as error:
            raise self._refused(read_token(error.args), scopes) from None
        except DefaultCredentialsError as error:
            nobody = replace(read_token(error.args), reasons=frozenset({"no_default"}))
            raise judge(nobody, "iam", self._settings, scopes).error from None
        self._arrived(scopes)
        return token, expiry

    def _refused(self, refusal: Refusal, scopes: tuple[str, ...], table: str = "token") -> CollectError:
        verdict = judge(refusal, table, self._settings, scopes)
        error = verdict.error
        if verdict.over and self._settings.token_file:
            signing_in.forget(self._settings.token_file)
        if verdict.awaited and self._settings.delegated:
            return NotGranted(error.detail + self._waiting(self._await(scopes)), error.remedy, code=NOT_DELEGATED)
        return error

    # -- service accounts ------------------------------------------------------

    def _by_key(self) -> Fetch:
        kind: Any = service_account.Credentials
        try:
            account = kind.from_service_account_info(dict(self._settings.key), subject=self._settings.subject or None)
        except (ValueError, TypeError):
            raise ConfigError("The private key in `key` cannot be used.", MAKE_KEY) from None

        def fetch(request: Any, scopes: tuple[str, ...]) -> Token:
            scoped = account.with_scopes(scopes)
            scoped.refresh(request)
            return scoped.token, scoped.expiry

        return fetch

    def _by_impersonation(self) -> Fetch:
        """Whoever runs this computer speaks for the service account; no key leaves Google."""
        settings, turn = self._settings, threading.Lock()
        account = f"{settings.api_url or IAM}/v1/projects/-/serviceAccounts/{quote(settings.service_account)}"
        sources: list[Any] = []

        def headers() -> dict[str, str]:
            """The computer's own identity, for one thread at a time."""
            with turn, Aside() as line:
                if not sources:
                    sources.append(_computer(line))
                if not sources[0].valid:
                    try:
                        sources[0].refresh(line)
                    except TransportError:
                        raise
                    except GoogleAuthError as error:
                        raise self._refused(read_token(error.args), (), "computer") from None
                    except (TypeError, ValueError):
                        raise Unexpected("What tells this computer who it is answered without a token.") from None
                found = {"Content-Type": "application/json"}
                sources[0].apply(found)
                return found

        def ask(request: Any, what: str, body: Mapping[str, Any], scopes: tuple[str, ...]) -> Mapping[str, Any]:
            answer = request(f"{account}:{what}", method="POST", body=msgspec.json.encode(body), headers=headers())
            if answer.status != 200:
                raise judge(read(answer.status, answer.data), "iam", settings, scopes).error
            return _as_dict(answer.data)

        def fetch(request: Any, scopes: tuple[str, ...]) -> Token:
            if not settings.subject:
                answer = ask(request, "generateAccessToken", {"scope": scopes, "lifetime": "3600s"}, scopes)
                return _said(answer, "accessToken"), _instant(answer.get("expireTime"))
            now = int(time.time())
            claims = {"iss": settings.service_account, "sub": settings.subject, "scope": " ".join(scopes),
                      "aud": settings.token_uri, "iat": now, "exp": now + 3600}  # fmt: skip
            signed = ask(request, "signJwt", {"payload": msgspec.json.encode(claims).decode()}, scopes)
            form = {"grant_type": JWT_GRANT, "assertion": _said(signed, "signedJwt")}
            return _token(_post(request, settings.token_uri, form))

        return fetch

    # -- people ----------------------------------------------------------------

    def _by_person(self) -> Fetch:
        client = self._settings.client
        assert client is not None

        def fetch(request: Any, scopes: tuple[str, ...]) -> Token:
            person = self._signed_in()
            if person.access_token and (first := _instant(person.expires)) - _now() > SOON:
                self._person = replace(person, access_token="")  # should Google refuse it, the next one is asked for
                return person.access_token, first
            kind: Any = Credentials
            own = kind(None, refresh_token=person.refresh_token, token_uri=client.token_uri, client_id=client.id,
                       client_secret=client.secret)  # fmt: skip
            if not person.refresh_token:
                raise _no_token({"error": "invalid_grant", "error_description": "The sign-in is over."})
            own.refresh(request)
            return own.token, own.expiry

        return fetch

    def _signed_in(self, who: str = "") -> SignedIn:
        """The person's sign-in: handed over, kept from before, or made now. One prompt, whoever asks."""
        client, path = self._settings.client, self._settings.token_file
        assert client is not None
        with self._door:  # minutes may pass at it, while others want a token that is there
            if self._person is None and path:
                self._person = signing_in.kept(path, client)
            if self._person is None:
                asked = [scope for scope in self.asked if not permissions.DELEGATED_ONLY.search(scope)]
                self._person = signing_in.sign_in(client, asked, self._post_once, who)
                if path and self._person.refresh_token:
                    signing_in.keep(path, client, self._person)
            return self._person

    def _post_once(self, uri: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        """For the sign-in itself, where nobody is there yet who would try again."""
        with Aside() as line:
            try:
                found: Mapping[str, Any] = self._patiently(lambda to: _post(line, to, form), uri)
            except RefreshError as error:
                raise self._refused(read_token(error.args), ()) from None
        return found

    def _patiently(self, ask: Callable[[Any], Any], what: Any) -> Any:
        """`ask(what)`, again and again where the line breaks or Google is busy. Raises Unreachable at the end."""
        patience = Patience()
        while True:
            try:
                return ask(what)
            except ssl.SSLCertVerificationError as error:
                raise untrusted(error) from None
            except (Refused, *BROKEN):
                self._clock.sleep(patience.pause(Unreachable("Google's token endpoint kept failing.", NETWORK)))

    def _granted_by_person(self, scopes: tuple[str, ...]) -> None:
        settings = self._settings
        if any(permissions.DELEGATED_ONLY.search(scope) for scope in scopes):
            raise NotEnabled(
                f"Google lets no person's sign-in read {of_scopes(scopes)}, only a service account with delegation.",
                'If you want it: credential = "service_account", as in connectors/keyround_google/README.md.',
            )
        granted = self._signed_in().scopes
        if (missing := [scope for scope in scopes if scope not in granted]) and not set(missing) <= set(self.asked):
            raise NotGranted(
                f"The sign-in did not ask for {', '.join(missing)}, so {of_scopes(missing)} cannot be read.",
                "Name the module: --modules NAME in a one-off scan, `modules` in the tenant's section; then sign in "
                f"again.{f' Delete {settings.token_file} first.' if settings.token_file else ''}", code=NOT_TICKED,
            )  # fmt: skip
        if missing:
            raise NotGranted(
                f"The sign-in did not grant {', '.join(missing)}, so {of_scopes(missing)} cannot be read.",
                grant(settings, missing), code=NOT_TICKED,
            )  # fmt: skip

    # -- a token from elsewhere ------------------------------------------------

    def _by_hand(self) -> Fetch:
        def fetch(request: Any, scopes: tuple[str, ...]) -> Token:
            raise judge(Refusal(401, frozenset(), ""), "api", self._settings, scopes).error

        return fetch

    # -- waiting for a delegation ----------------------------------------------

    def _awaited(self) -> dict[str, str] | None:
        """Since when each set of scopes is awaited, by this very service account; None without a memory."""
        if self._memory is None:
            return None
        kept = self._memory.get(MEMORY)
        of_us = isinstance(kept, dict) and kept.get("who") == self._who()
        since = kept.get("since") if of_us and isinstance(kept, dict) else None
        return {str(k): str(v) for k, v in since.items()} if isinstance(since, dict) else {}

    def _who(self) -> str:
        return f"{self._settings.account} {self._settings.subject}"

    def _await(self, scopes: tuple[str, ...]) -> str:
        with self._turn:
            since = self._awaited()
            if since is None:
                return ""
            key = " ".join(scopes)
            if self._memory is not None and key not in since:
                since[key] = self._clock.now().isoformat(timespec="minutes")
                self._memory[MEMORY] = {"who": self._who(), "since": since}
            return since[key]

    def _arrived(self, scopes: tuple[str, ...]) -> None:
        with self._turn:
            since, key = self._awaited(), " ".join(scopes)
            if self._memory is not None and since and since.pop(key, None):
                self._memory[MEMORY] = {"who": self._who(), "since": since}

    def _waiting(self, since: str) -> str:
        """ " We wait since 14:05 UTC; Google says up to 24 hours.", or "" where nothing is remembered."""
        try:
            begun = datetime.fromisoformat(since)
        except ValueError:
            return ""
        now = self._clock.now()
        when = f"{begun:%H:%M} UTC" if begun.date() == now.date() else f"{begun:%d %b %Y %H:%M} UTC"
        if now - begun > ARRIVES:
            return f" Waiting since {when}, longer than the 24 hours that Google names: something differs."
        return f" Waiting since {when}; Google says that it can take up to 24 hours."


class _Carried(Carried):
    """google-auth credentials whose token `ask` gets, given the one before it."""

    def __init__(self, ask: Callable[[Any, str | None], Token], token: str | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._ask = ask
        self.token = token

    def refresh(self, request: Any) -> None:
        self.token, self.expiry = self._ask(request, self.token)


class _Renewal:
    """Gets a token, and one only for all who find the same old one over."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._turn = threading.Lock()
        self._last: Token | None = None

    def after(self, old: str | None, request: Any, scopes: tuple[str, ...]) -> Token:
        with self._turn:
            if self._last is None or self._last[0] == old or self._last[1] - _now() < SOON:
                token, expiry = self._fetch(request, scopes)
                self._last = token, expiry or _now() + timedelta(hours=1)
            return self._last


def _computer(line: Aside) -> Any:
    """Who this computer is to Google: application default credentials. Raises DefaultCredentialsError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a person's own sign-in is used is what was asked for
        found, _ = google.auth.default(request=line)  # with scopes it would ask for the project's id
    scoped: Any = with_scopes_if_required
    return scoped(found, [CLOUD])


def _post(request: Any, uri: str, form: Mapping[str, str]) -> Mapping[str, Any]:
    """The answer of a token endpoint. Raises RefreshError as google-auth would."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = request(uri, method="POST", body=urlencode(form).encode(), headers=kind)
    body = _as_dict(answer.data)
    if answer.status != 200:
        raise _no_token(body)
    return body


def _no_token(body: Mapping[str, Any]) -> RefreshError:
    """A refusal in the form that google-auth gives it."""
    kind: Any = RefreshError
    error: RefreshError = kind(str(body.get("error") or "no token"), body)
    return error


def _token(body: Mapping[str, Any]) -> Token:
    try:
        seconds = float(str(body.get("expires_in") or 3600))
    except ValueError:
        seconds = 3600.0
    return _said(body, "access_token"), _now() + timedelta(seconds=seconds)


def _said(body: Mapping[str, Any], name: str) -> str:
    """Raises Unexpected where the answer does not hold it."""
    if not (found := body.get(name)):
        raise Unexpected(f"Google answered our question for a token without {name}.")
    return str(found)


def _as_dict(data: bytes) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _instant(text: Any) -> datetime:
    """Naive UTC; an hour from now where Google does not say when."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return _now() + timedelta(hours=1)
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
