"""The country of an address: every spelling, no guess where there is none, any database."""

from __future__ import annotations

import re

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from keyround.config import read
from keyround.errors import ConfigError
from keyround.geo import Atlas
from keyround_fixtures import PLACES


@pytest.fixture(scope="module")
def bundled():
    return Atlas()


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory):
    """A database that has an answer for every address there is."""
    path = tmp_path_factory.mktemp("geo") / "all.mmdb"
    database = MMDBWriter(6, "Everywhere", ipv4_compatible=True)
    for half in ("::/1", "8000::/1"):
        database.insert_network(IPSet([half]), {"country_code": "US"})
    database.to_db_file(str(path))
    return Atlas(path)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", " 8.8.8.8 ", "8.8.8.8:443", "::ffff:8.8.8.8", "[::ffff:8.8.8.8]:50012", "::FFFF:808:808"]
)
def test_a_public_address_in_every_spelling(bundled, address):
    country, source = bundled.country(address)
    assert country == "US" and re.fullmatch(r"DB-IP Lite 20\d\d-\d\d-\d\d", source)


@pytest.mark.parametrize(
    "address",
    [
        None, "", "-", "unknown", "8.8.8", "8.8.8.8.8", "host.example", "[", "[]:1", ":443",
        "10.1.2.3", "172.16.0.9:80", "192.168.1.1", "127.0.0.1", "::1", "[::1]:443", "169.254.7.7", "fe80::1%eth0",
        "fd00::1", "100.64.0.1", "100.127.255.254", "224.0.0.251", "ff0e::1", "0.0.0.0", "::", "255.255.255.255",
        "192.0.2.1", "198.51.100.7:443", "203.0.113.9", "2001:db8::1", "::ffff:10.0.0.1", "::ffff:192.0.2.1",
    ],
)  # fmt: skip
def test_what_belongs_to_no_country_is_never_looked_up(everywhere, address):
    assert everywhere.country("9.9.9.9") and everywhere.country("2001:4860::1") and everywhere.country(address) is None


@pytest.mark.parametrize(
    "record, country",
    [
        ({"country_code": "DK"}, "DK"), ({"country": "dk"}, "DK"), ({"country": {"iso_code": "DK"}}, "DK"),
        ({"country_code": "XX"}, None), ({"country_code": "ZZ"}, None), ({"country_code": "T1"}, None),
        ({"country_code": "EU"}, None), ({"country_code": ""}, None), ({"country": {"iso_code": 7}}, None),
        ({"continent": {"code": "EU"}}, None), ("DK", None),
    ],
)  # fmt: skip
def test_records_as_different_databases_write_them(tmp_path, record, country):
    path = tmp_path / "some.mmdb"
    some = MMDBWriter(6, "Some-Country")
    some.insert_network(IPSet(["4000::/16"]), record)
    some.to_db_file(str(path))
    found = Atlas(path).country("4000::7")
    assert (found and found[0]) == country
    assert found is None or found[1].startswith("Some-Country 20")


def test_nothing_is_opened_before_an_address_needs_it(tmp_path):
    atlas = Atlas(tmp_path / "missing.mmdb")
    assert atlas.country("10.0.0.1") is None
    with pytest.raises(ConfigError, match="geo_database"):
        atlas.check()
    (tmp_path / "missing.mmdb").write_bytes(b"no database")
    with pytest.raises(ConfigError, match=r"geo_database.*MMDB"):
        atlas.country("8.8.8.8")


def test_the_configuration_names_another_database(tmp_path):
    path = tmp_path / "keyround.toml"
    path.write_text(f'geo_database = "{PLACES.as_posix()}"\n')
    assert read(path).geo_database == PLACES and Atlas(PLACES).country("[4000:4445::1]:9")[0] == "DE"
    path.write_text("geo_database = 7\n")
    with pytest.raises(ConfigError, match="geo_database"):
        read(path)
    path.write_text("")
    assert read(path).geo_database is None
