"""The address that every run calls at its end, so that somebody notices when no run comes any more.

The watching service (healthchecks.io, or one of the provider's own) is asked with GET: ADDRESS after a run in which
all went well, ADDRESS/fail otherwise. Whoever knows the address can call it too, so it is a secret: it may be a
reference, and no message shows it.
"""

from __future__ import annotations

import os
import ssl
from http.client import HTTPException
from pathlib import Path
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit

from .. import __version__
from ..errors import KeyroundError
from ..secrets import resolve

PATIENCE = 10.0  # seconds for each step of a call
_TRIES = 2
_THEREFORE = "Whoever watches the scheduler may now believe that it is dead."


def call(address: str, ok: bool, folder: Path, patience: float = PATIENCE) -> str:
    """Empty once the address was called, else one line that says why not: a run does not fail because of it.

    `address` is an http(s) address or a reference to one; `folder` is where the configuration stands.
    """
    try:
        found = (address if "://" in address else resolve("heartbeat", address, folder)).strip()
        parts = urlsplit(found)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return _said("it is no http or https address")
    except KeyroundError as error:
        return _said(f"{error.detail.rstrip('.')}", error.remedy)
    except ValueError:
        return _said("it is no address")
    if not ok:
        parts = parts._replace(path=f"{parts.path.rstrip('/')}/fail")
    asked = request.Request(urlunsplit(parts), headers={"User-Agent": f"keyround/{__version__}"})
    why = ""
    for _ in range(_TRIES):
        try:
            with _opener().open(asked, timeout=patience):
                return ""
        except HTTPError as error:
            error.close()
            return _said(f"it answered {error.code}")
        except URLError as error:  # its own words, which may hold the address, are not shown
            why = _reason(error.reason)
        except TimeoutError:
            why = "no answer in time"
        except (OSError, HTTPException, ValueError) as error:
            why = type(error).__name__
    return _said(why)


def _reason(found: object) -> str:
    if isinstance(found, ssl.SSLCertVerificationError):
        return "its certificate is not trusted"
    if isinstance(found, TimeoutError):
        return "no answer in time"
    return getattr(found, "strerror", None) or type(found).__name__


def _said(why: str, remedy: str = "Check `heartbeat` under [provider], the network and the proxy.") -> str:
    return f"The heartbeat address could not be called: {why}. {_THEREFORE} {remedy}"


def _opener() -> request.OpenerDirector:
    """http, https and proxies as the environment names them; nothing else that urllib could open."""
    opener = request.OpenerDirector()
    answers = (request.HTTPRedirectHandler(), request.HTTPErrorProcessor(), request.HTTPDefaultErrorHandler())
    for handler in (request.ProxyHandler(), request.HTTPHandler(), request.HTTPSHandler(context=_trusted()), *answers):
        opener.add_handler(handler)
    return opener


def _trusted() -> ssl.SSLContext:
    """As the connectors: the certificates that the environment names, the computer's where it asks for them."""
    if os.environ.get("KEYROUND_TRUST", "").strip().lower() == "system":
        import truststore

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    named = [path for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE") if (path := os.environ.get(name, ""))]
    context = ssl.create_default_context(cafile=named[0] if named else None)
    for path in named[1:]:
        context.load_verify_locations(path)
    return context
