"""The address that a run calls at its end: it is called, and whatever goes wrong is one line without the address."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from keyround.provider import heartbeat

NOT_TOLD = "4f1c-do-not-tell"


class Watch(HTTPServer):
    """Whoever waits for the calls. `codes`: what it answers, one after the other, then 200."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.codes: list[int] = []
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{NOT_TOLD}"


class Answer(BaseHTTPRequestHandler):
    server: Watch

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        code = self.server.codes.pop(0) if self.server.codes else 200
        if code:
            self.send_response(code)
            if code == 302:
                self.send_header("Location", "file:///etc/hostname")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def watch(monkeypatch) -> Iterator[Watch]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Watch() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_it_is_called_and_failures_are_told_apart(watch, tmp_path, monkeypatch):
    (tmp_path / "beat").write_text(f"{watch.address}/\n")
    (tmp_path / "beat").chmod(0o600)
    monkeypatch.setenv("BEAT", f"{watch.address}?rid=7")
    assert heartbeat.call(watch.address, True, tmp_path) == ""
    assert heartbeat.call("file:beat", False, tmp_path) == ""
    assert heartbeat.call("env:BEAT", False, tmp_path) == ""
    assert watch.asked == [f"/{NOT_TOLD}", f"/{NOT_TOLD}/fail", f"/{NOT_TOLD}/fail?rid=7"]


def test_it_goes_through_the_proxy(watch, tmp_path, monkeypatch):
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("http_proxy", watch.address)
    assert heartbeat.call("http://beats.example/a", True, tmp_path) == ""
    assert watch.asked == ["http://beats.example/a"]


def test_whatever_goes_wrong_is_one_line_without_the_address(watch, tmp_path, monkeypatch):
    watch.codes = [404, 0, 0, 302]
    refused = Watch()
    refused.server_close()
    monkeypatch.setenv("BEAT", f"ftp://127.0.0.1/{NOT_TOLD}")
    lines = [
        heartbeat.call(address, True, tmp_path)
        for address in (
            watch.address,
            watch.address,
            watch.address,
            refused.address,
            "env:BEAT",
            "env:NO_SUCH",
            f"http://[{NOT_TOLD}",
            f"http://127.0.0.1:{NOT_TOLD}/",
        )
    ]
    assert "answered 404" in lines[0] and "RemoteDisconnected" in lines[1] and "answered 302" in lines[2]
    assert "Connection refused" in lines[3] and "no http or https" in lines[4] and "NO_SUCH is not set" in lines[5]
    assert len(watch.asked) == 4  # a connection that broke off was tried twice, an answer is an answer
    for line in lines:
        assert line and NOT_TOLD not in line and "\n" not in line
    with Watch() as silent:  # takes the connection, and never answers
        assert "no answer in time" in heartbeat.call(silent.address, True, tmp_path, patience=0.05)
