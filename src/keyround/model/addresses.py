"""IP addresses in every spelling that logs have for them."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

_BRACKETED = re.compile(r"\[([^\]]*)\](?::\d*)?")
_WITH_PORT = re.compile(r"(\d+\.\d+\.\d+\.\d+):\d*")


@lru_cache(65_536)  # a log names the same few addresses again and again
def parsed(text: str | None) -> IPv4Address | IPv6Address | None:
    """The address itself, without port, brackets, zone and the IPv6 form of an IPv4 address; None when it is none.

    >>> [str(parsed(t)) for t in ("192.0.2.1:443", "[2001:db8::1]:50012", "::ffff:192.0.2.1", "fe80::1%eth0", "-")]
    ['192.0.2.1', '2001:db8::1', '192.0.2.1', 'fe80::1', 'None']
    """
    bare = (text or "").strip()
    if match := _BRACKETED.fullmatch(bare) or _WITH_PORT.fullmatch(bare):
        bare = match[1]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
