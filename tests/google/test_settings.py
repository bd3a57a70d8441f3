"""Configuration, imports, proxies and private certificate authorities."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from importlib import resources

import pytest

from keyround.connector import Complete
from keyround.errors import ConfigError
from keyround_google import CONNECTOR
from keyround_google.permissions import CORE
from keyround_google.settings import KEYS, NEEDS

KEY = json.dumps({
    "type": "service_account", "client_email": "a@b.example", "private_key": "hush",
    "token_uri": "https://oauth2.example/token",
})  # fmt: skip
GOOD = {
    "connector": "google", "customer_id": "C01abcdef", "credential": "service_account", "key": KEY,
    "subject": "auditor@contoso.example",
}  # fmt: skip


def test_good_settings():
    assert CONNECTOR.tenant_of(GOOD) == "C01abcdef"
    assert CONNECTOR.tenant_of({"customer_id": "C01abcdef", "credential": "token", "token": "ya29.x"}) == "C01abcdef"


@pytest.mark.parametrize(
    "change, names, hint",
    [
        ({"customer_id": None}, "customer_id", "Account settings"),
        ({"customer_id": "my_customer"}, "customer_id", "Account settings"),
        ({"customer_id": "contoso.example"}, "customer_id", "Account settings"),
        ({"credential": "service-acount"}, "credential", "service_account"),
        ({"credential": "password"}, "credential", "token"),
        ({"subjekt": "x"}, "subjekt", "`subject`"),
        ({"subject": None}, "subject", "administrator"),
        ({"subject": "auditor"}, "subject", ""),
        ({"key": None}, "key", "service account"),
        ({"key": "hush hush"}, "key", "JSON key"),
        ({"key": '{"type": "authorized_user"}'}, "key", "JSON key"),
        ({"key": KEY.replace("token_uri", "uri")}, "token_uri", "JSON key"),
        ({"key": KEY.replace("https://oauth2", "http://oauth2")}, "token_uri", "https"),
        ({"credential": "token"}, "token", "env:"),
        ({"credential": "token", "token": "hush hush"}, "token", "alone"),
        ({"api_url": "http://proxy.example"}, "api_url", "https"),
        ({"api_url": "https://[bad"}, "api_url", "https"),
        ({"key": 7}, "key", ""),
        ({"credential": "service_account_role"}, "subject", "service_account"),
        ({"credential": "service_account_role", "subject": None, "customer_id": ""}, "customer_id", "Account settings"),
        ({"credential": "impersonation"}, "service_account", ""),
        ({"credential": "impersonation", "service_account": "reader"}, "service_account", ""),
        (
            {"credential": "impersonation", "service_account": "a@b.example", "subject": "", "customer_id": ""},
            "customer_id",
            "Account settings",
        ),
        (
            {"credential": "impersonation", "service_account": "a@b.example", "token_uri": "http://x.example"},
            "token_uri",
            "https",
        ),
        ({"credential": "oauth"}, "client", "Desktop app"),
        ({"credential": "oauth", "client": "hush hush"}, "client", "Download JSON"),
        ({"credential": "oauth", "client": '{"web": {"client_id": "hush"}}'}, "client", "Desktop app"),
        ({"credential": "oauth", "client": '{"installed": {"client_secret": "hush"}}'}, "client_id", "Desktop app"),
        (
            {"credential": "oauth", "client": '{"installed": {"client_id": "1", "token_uri": "http://x.example"}}'},
            "token_uri",
            "https",
        ),
        ({"signed_in": "1//hush"}, "signed_in", ""),
        ({"tokenfile": "x"}, "tokenfile", "`token_file`"),
    ],
)
def test_wrong_settings_name_the_key_and_the_remedy(change, names, hint):
    with pytest.raises(ConfigError) as caught:
        CONNECTOR.tenant_of(GOOD | change)
    assert f"`{names}`" in caught.value.detail and hint in caught.value.remedy and "hush" not in str(caught.value)


def test_the_readme_lists_the_scopes_that_are_used():
    readme = resources.files("keyround_google").joinpath("README.md").read_text("utf-8")
    used = {scope for d in CONNECTOR.datasets for scope in (*d.grants, *d.optional.values())}
    (line,) = (line for line in readme.splitlines() if line.startswith("https://") and "," in line)
    assert set(CONNECTOR.setup.least) <= set(line.split(",")) == set(CORE)
    assert all(f"`{scope.rsplit('/', 1)[1]}`" in readme for scope in used)
    assert all(f"`{key}`" in readme for key in KEYS)
    assert all(f"`{way}`" in readme for way in NEEDS)


def test_importing_and_checking_need_none_of_googles_libraries():
    code = (
        "import sys, keyround_google as g\n"
        "g.CONNECTOR.tenant_of({'customer_id': 'C01abcdef', 'credential': 'token', 'token': 'x'})\n"
        "print([m for m in ('googleapiclient', 'google.auth', 'httplib2', 'requests') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.fixture
def over_tls(settings, cloud, monkeypatch):
    """The same company behind https, for the APIs and the token endpoint."""
    for name in ("HTTPLIB2_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "https_proxy", "HTTPS_PROXY", "no_proxy",
                 "NO_PROXY", "all_proxy", "ALL_PROXY"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    key = json.loads(settings["key"]) | {"token_uri": f"{cloud.tls_url}/token"}
    return settings | {"api_url": cloud.tls_url, "key": json.dumps(key)}


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "HTTPLIB2_CA_CERTS"])
def test_a_private_authority_by_any_one_variable(variable, over_tls, gather, cloud, monkeypatch):
    monkeypatch.setenv(variable, cloud.ca_pem)
    assert isinstance(gather(over_tls, "users")["users"][0], Complete)


def test_without_the_authority_nothing_is_read_and_the_variable_is_named(over_tls, gather, monkeypatch, nap):
    error = gather(over_tls, "users")["users"][0].error
    assert error.kind == "Unreachable" and "SSL_CERT_FILE" in error.remedy and not nap.slept
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    assert "SSL_CERT_FILE" in gather(over_tls, "users")["users"][0].error.detail


@contextmanager
def proxy():
    """A forward proxy that knows CONNECT; yields its port and the lines it was asked with."""
    asked: list[bytes] = []
    door = socket.create_server(("127.0.0.1", 0))

    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve(client):
        head = client.recv(65536)
        asked.append(head)
        host, port = head.split()[1].decode().split(":")
        with client, socket.create_connection((host, int(port))) as server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(server, client), daemon=True)
            back.start()
            pump(client, server)
            back.join(5)

    def accept():
        while True:
            try:
                client, _ = door.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield door.getsockname()[1], asked
    finally:
        door.shutdown(socket.SHUT_RDWR)
        door.close()
        thread.join(5)


def test_a_proxy_carries_the_apis_and_the_token(over_tls, gather, cloud, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", cloud.ca_pem)
    with proxy() as (port, asked):
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@127.0.0.1:{port}")
        assert isinstance(gather(over_tls, "users")["users"][0], Complete)
        assert asked and all(b"Proxy-Authorization: Basic bWU6cEBzcw==" in head for head in asked)
        asked.clear()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert isinstance(gather(over_tls, "users")["users"][0], Complete) and not asked
    monkeypatch.delenv("NO_PROXY")
    error = gather(over_tls, "users")["users"][0].error
    assert error.kind == "Unreachable" and "p@ss" not in str(error)
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    assert "HTTP proxy" in gather(over_tls, "users")["users"][0].error.detail
