"""Clients in files of their own: read as if they stood in keyround.toml, and one broken file stops nobody else."""

from __future__ import annotations

import os
import tomllib

import pytest

from keyround.cli import main
from keyround.config import read
from keyround.errors import ConfigError
from keyround.provider.process import environment

TENANT = '[[client.{key}.tenant]]\nconnector = "m365"\ncredential = "secret"\nsecret = "file:{key}.pem"\n'
OWN = '[client.{key}]\nname = "{key} Ltd"\nreports = "reports"\n' + TENANT


@pytest.fixture
def written(tmp_path):
    """keyround.toml with the client acme, and the files that are named; their texts may use {key}, the file's stem."""

    def write(**files):
        (tmp_path / "clients.d").mkdir(exist_ok=True)
        (tmp_path / "keyround.toml").write_text('store = "store"\n' + OWN.format(key="acme"), encoding="utf-8")
        for name, text in files.items():
            (tmp_path / "clients.d" / f"{name}.toml").write_text(text.replace("{key}", name), encoding="utf-8")
        return tmp_path / "keyround.toml"

    return write


def test_a_section_means_the_same_wherever_it_stands(written, tmp_path):
    path = written(bolte=OWN)
    for name in (".#bolte.toml", "bolte.toml~", ".bolte.toml.swp", "#bolte.toml#", "~$bolte.toml"):
        (tmp_path / "clients.d" / name).write_text("[client.bolte")
    config = read(path)
    assert [*config.clients] == ["acme", "bolte"] and not config.broken
    for key, client in config.clients.items():
        (tmp_path / f"{key}.pem").write_text("hush")
        (tmp_path / f"{key}.pem").chmod(0o600)
        assert client.tenants[0].opened()["secret"] == "hush" and client.reports == tmp_path / "reports"
    assert config.client("bolte").file == tmp_path / "clients.d" / "bolte.toml"


@pytest.mark.parametrize(
    "text, key, said",
    [
        (OWN.replace("name =", "nmae ="), "bolte", "bolte.toml, line 2: [client.bolte]: unknown setting 'nmae'. Did "),
        (OWN.replace('"m365"', '"m365'), "bolte", "bolte.toml, line 5, column 18: not valid TOML"),
        (OWN + OWN.replace("{key}", "other") + "x = [", "other", "bolte.toml, at its end: not valid TOML"),
        ('timezone = "UTC"\n' + OWN, "bolte", "bolte.toml, line 1: 'timezone' does not belong here"),
        ('store = "x"\n' + OWN, "bolte", "Move store to the top of keyround.toml."),
        ('name = "x"\n' + OWN, "bolte", "Write it below the line [client.NAME]."),
        ("[cleint.{key}]\n", "bolte", "Did you mean 'client'?"),
        (OWN.replace("{key}", "acme"), "acme", "keyround.toml, line 2: [client.acme]: it stands twice, there and in "
                                               "clients.d/bolte.toml, line 1."),
        (OWN.replace("{key}", "Bolte"), "Bolte", "made of a-z"),
        (OWN.replace("file:", ""), "bolte", "line 7: [[client.bolte.tenant]] number 1: secret is not a reference"),
    ],
)  # fmt: skip
def test_a_mistake_breaks_its_client_alone_and_is_named(written, text, key, said):
    config = read(written(bolte=text, sound=OWN))
    assert "sound" in config.clients and ("acme" in config.clients) == (key != "acme")
    with pytest.raises(ConfigError) as caught:
        config.client(key)
    assert said in str(caught.value) and key in config.broken and key not in config.clients


@pytest.mark.skipif(os.name != "posix" or not os.getuid(), reason="root reads everything")
def test_a_file_that_may_not_be_read_breaks_whom_its_name_says(written, tmp_path):
    path = written(bolte=OWN)
    (tmp_path / "clients.d" / "bolte.toml").chmod(0)
    assert "Permission denied" in str(read(path).broken["bolte"])


def test_the_variables_of_a_broken_client_stay_from_the_others(written):
    """So do those of a file that is no TOML at all; what no file names stays."""
    given = dict.fromkeys(("SOUND", "BROKEN", "HALF", "PATH"), "hush")
    tenants = {name: OWN.replace("file:{key}.pem", f"env:{name.upper()}") for name in ("sound", "broken", "half")}
    config = read(
        written(**tenants | {"broken": tenants["broken"].replace("name", "nmae"), "half": tenants["half"] + "["})
    )
    assert {*config.broken} == {"broken", "half"}
    assert {*environment(config, config.client("sound"), given=given)} == {"SOUND", "PATH"}


def test_a_mistake_at_the_top_of_keyround_toml_is_everybody_s(written, tmp_path):
    path = written(bolte=OWN)
    for wrong in ("limit = 5", 'timezone = "Europe/Berln"', "[keep]\nscans = 1"):
        path.write_text(f"{wrong}\n")
        with pytest.raises(ConfigError, match=r"keyround\.toml, line [12]"):
            read(path)
    (tmp_path / "keyround.toml").write_text("")
    (tmp_path / "clients.d" / "bolte.toml").unlink()
    (tmp_path / "clients.d").rmdir()
    (tmp_path / "clients.d").write_text("")
    with pytest.raises(ConfigError, match="a folder with a file for each client"):
        read(path)


def test_the_portfolio_shows_a_broken_client_as_a_row(written, tmp_path, monkeypatch, capsys):
    written(bolte=OWN.replace("name", "nmae"))
    monkeypatch.chdir(tmp_path)
    assert main(["portfolio", "--at", "2026-11-23T08:00:00Z"]) == 3
    said = capsys.readouterr()
    assert "bolte: clients.d/bolte.toml, line 2" in said.err and "Clients: 2" in said.out
    assert main(["portfolio", "bolte", "--at", "2026-11-23T08:00:00Z"]) == 3
    assert main(["portfolio", "blote"]) == 2 and "Did you mean 'bolte'?" in capsys.readouterr().err


def test_init_writes_a_file_of_its_own_beside_the_others(written, tmp_path, monkeypatch, capsys):
    path = written(bolte=OWN.replace("name", "nmae"))
    monkeypatch.chdir(tmp_path)
    text = path.read_text()
    answers = ["--name", "Müller & Söhne", "--m365", "", "--google", "it@mueller.example", "--home", "DE"]
    assert main(["init", *answers]) == 0 and path.read_text() == text
    own = tmp_path / "clients.d" / "mueller-soehne.toml"
    assert "clients.d/mueller-soehne.toml" in capsys.readouterr().out.replace("\\", "/")
    assert tomllib.loads(own.read_text(encoding="utf-8"))["client"]["mueller-soehne"]["name"] == "Müller & Söhne"
    assert read(path).client("mueller-soehne").file == own
    assert (
        main(["init", "--client", "bolte", *answers]) == 2 and "has a client 'bolte' already" in capsys.readouterr().err
    )
