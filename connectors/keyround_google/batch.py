"""Many GETs in one request: Google's multipart batches, written and read.

Google counts and refuses every part by itself, so this saves the way there and
back, nothing of a quota.

Source  https://developers.google.com/workspace/admin/directory/v1/guides/batch
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from email.message import Message
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from keyround.errors import CollectError, Expired, Throttled, Unreachable

from .patience import OUT_OF_TIME
from .refusals import read
from .transport import BOUNDARY, Refused

MOST = 100
"""Parts of one batch. Google takes a thousand; an answer that breaks off should not cost as many."""
CROWDED = (403, 429, 503)
PEACE = 8
"""Batches without a refusal before they grow again."""
LOST = 3
"""How many parts one after the other may stay unanswered before we stop asking."""
PATH = "/batch"
_BLANK = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"HTTP/[\d.]+ +(\d{3})\b")
_PLACE = re.compile(rb"(?i)^content-id:.*part-(\d+)>?\s*$", re.MULTILINE)


class NotServed(Exception):
    """There are no batches at that address: a gateway, or another server than Google's."""


class Part(NamedTuple):
    """The answer to one part. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Batch:
    """One POST with `requests` inside, GETs of one API all of them. Sent like one of Google's own requests."""

    def __init__(self, requests: Sequence[Any]) -> None:
        first = urlsplit(requests[0].uri)
        prefix = re.split(r"/(?:admin|apps|v1)(?:/|beta)", first.path)[0]  # a gateway may have one
        self.uri = urlunsplit((first.scheme, first.netloc, prefix + PATH, "", ""))
        self.headers = {**requests[0].headers, "content-type": f"multipart/mixed; boundary={BOUNDARY}"}
        self.body = b"".join(_written(place, request.uri) for place, request in enumerate(requests))
        self.body += f"--{BOUNDARY}--\r\n".encode()
        self._size = len(requests)
        self._doubted = len(requests) == 1  # one person may be out of reach, all of them are not

    def execute(self, http: Any) -> dict[int, Part]:
        """Answers by the place of their question; what is missing was not answered, or not to its end.

        Raises NotServed, and Refused where all of it was. A token that no part was taken with is doubted, once.
        """
        response, content = http.request(self.uri, method="POST", body=self.body, headers=self.headers)
        if response.status in (404, 405, 501):
            raise NotServed
        if response.status >= 300:
            raise Refused(response.status, response, content)
        parts = parts_of(response.get("content-type", ""), content, self._size)
        if parts and not self._doubted and all(part.status == 401 for part in parts.values()):
            self._doubted = True
            raise Refused(401, response)
        return parts


class Tally:
    """Whether what one part met concerns it alone."""

    def __init__(self) -> None:
        self._came = False
        self._lost = 0

    def came(self) -> None:
        self._came, self._lost = True, 0

    def of_one(self, error: CollectError) -> CollectError:
        """`error` as a value. Raises it where every other part would meet it too."""
        cause = error.__cause__
        if error.code == OUT_OF_TIME or (isinstance(cause, Refused) and read(cause.status, cause.content).of_all):
            raise error
        if isinstance(error, Throttled | Unreachable | Expired):
            self._lost += 1
            if not self._came or self._lost > LOST:
                raise error
        return error


def parts_of(content_type: str, content: bytes, size: int) -> dict[int, Part]:
    """The parts of a multipart answer by the place that their Content-ID names, or else by their order.

    >>> answer = b"--x\\r\\nContent-ID: <response-part-1>\\r\\n\\r\\nHTTP/1.1 200 OK\\r\\n\\r\\n{}\\r\\n--x--"
    >>> parts_of('multipart/mixed; boundary="x"', answer, 2)
    {1: Part(status=200, headers={}, body=b'{}')}
    """
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_boundary()
    if not boundary:
        return {}
    cut = re.split(rb"(?:^|\r?\n)--" + re.escape(boundary.encode()) + rb"(?:--)?[ \t]*(?=\r?\n|$)", content)
    found = [(name, part) for section in cut[1:] if (part := _part(section)) for name in [_PLACE.search(section)]]
    if not any(name for name, _ in found) and len(found) == size:
        return {place: part for place, (_, part) in enumerate(found)}
    return {int(name[1]): part for name, part in found if name}


def _written(place: int, uri: str) -> bytes:
    parts = urlsplit(uri)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return (
        f"--{BOUNDARY}\r\nContent-Type: application/http\r\nContent-ID: <part-{place}>\r\n\r\n"
        f"GET {path} HTTP/1.1\r\n\r\n"
    ).encode("ascii")


def _part(section: bytes) -> Part | None:
    """What stands between two boundaries: headers of the part, then a whole reply."""
    _, *rest = _BLANK.split(section, 1)
    reply = rest[0].lstrip(b"\r\n") if rest else b""
    if not (status := _STATUS.match(reply)):
        return None
    head, *body = _BLANK.split(reply, 1)
    lines = head.decode("latin-1").splitlines()[1:]
    headers = {name.strip().lower(): value.strip() for name, colon, value in (x.partition(":") for x in lines) if colon}
    return Part(int(status[1]), headers, body[0] if body else b"")
