"""The JSON Schema of keyround.toml says what the reader says: the same keys, the same words, the same mistakes."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from jsonschema import Draft7Validator

from keyround.cli import main
from keyround.config import SETTINGS, TOP, accepted, places, presented, serviced
from keyround.config.places import EXAMPLES
from keyround.config.sections import SERVICE
from keyround.presentation import Names
from keyround.rounds import Mail, Tell
from keyround.secrets import SECRET_KEYS
from keyround.words import languages
from keyround_google import settings as google
from keyround_m365 import settings as m365
from tests import test_config as examples
from tests.provider.test_orders import CLIENT, ORDER, PROVIDER

SCHEMA = json.loads((files("keyround.schema") / "keyround.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft7Validator(SCHEMA, format_checker=Draft7Validator.FORMAT_CHECKER)
PARTS = SCHEMA["definitions"]
CLIENT_KEYS = PARTS["client"]["properties"]
PROVIDER_KEYS = SCHEMA["properties"]["provider"]["properties"]
ROOT = Path(__file__).parents[1]


def wrong(text):
    """What the schema says of a text; days become text, as in the editors."""
    read = json.loads(json.dumps(tomllib.loads(text), default=str))
    return [f"{'.'.join(map(str, one.absolute_path))}: {one.message}" for one in VALIDATOR.iter_errors(read)]


def of(provider):
    return next(one for one in PARTS["tenant"]["allOf"] if one["if"]["properties"]["connector"]["const"] == provider)[
        "then"
    ]


@pytest.mark.parametrize(
    "described, known",
    [
        (SCHEMA["properties"], TOP),
        (CLIENT_KEYS, SETTINGS),
        (PROVIDER_KEYS, presented.PROVIDER),
        (PROVIDER_KEYS["mail"]["properties"], serviced.MAIL),
        (PROVIDER_KEYS["portfolio"]["properties"], serviced.WHEN),
        (PARTS["tell"]["properties"], serviced.TELL),
        (PARTS["keep"]["properties"], serviced.KEEP),
        (CLIENT_KEYS["order"]["properties"], serviced.ORDER),
        (PARTS["home"]["properties"], places.HOME),
        (PARTS["travel"]["properties"], places.TRAVEL),
        (PARTS["network"]["properties"], places.NETWORK),
        (PARTS["accept"]["properties"], accepted.KEYS),
        (PARTS["accept"]["required"], accepted.REQUIRED),
        (of("m365")["propertyNames"]["enum"], ["connector", *(one.name for one in fields(m365.Settings))]),
        (of("google")["propertyNames"]["enum"], google.KEYS),
        (of("m365")["properties"]["credential"]["enum"], m365.NEEDS),
        (of("google")["properties"]["credential"]["enum"], google.NEEDS),
        (PARTS["tenant"]["properties"], {"connector", *google.KEYS, *(one.name for one in fields(m365.Settings))}),
        ([key for key, one in PARTS["tenant"]["properties"].items() if "keyring" in one["description"]], SECRET_KEYS),
        (PARTS["tenant"]["properties"]["cloud"]["enum"], m365.CLOUDS),
        (PARTS["accept"]["properties"]["severity"]["enum"], accepted.SEVERITIES),
        (SCHEMA["properties"]["language"]["enum"], languages()),
        (CLIENT_KEYS["names"]["enum"], get_args(Names)),
        (PROVIDER_KEYS["mail"]["properties"]["security"]["enum"], get_args(get_type_hints(Mail)["security"])),
        (PARTS["tell"]["properties"]["when"]["enum"], get_args(get_type_hints(Tell)["when"])),
        (PARTS["tell"]["properties"]["send"]["enum"], get_args(get_type_hints(Tell)["send"])),
    ],
)
def test_schema_and_reader_know_the_same_words(described, known):
    assert set(described) == set(known) and len(described) == len(known)


def test_it_is_a_schema_and_every_key_is_described():
    Draft7Validator.check_schema(SCHEMA)

    def undescribed(part, path=""):
        for key, one in part.get("properties", {}).items():
            target = PARTS[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
            if not target.get("description"):
                yield f"{path}.{key}"
            yield from undescribed(one, f"{path}.{key}")

    assert [*undescribed(SCHEMA), *(hit for name, part in PARTS.items() for hit in undescribed(part, name))] == []


def shown(page):
    """Every example of a page; what has no header of its own belongs into a tenant's section."""
    text = re.sub(r"^ {3}", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    for example in re.findall(r"```toml\n(.*?)```", text, re.DOTALL):
        yield (
            example
            if example.startswith(("[", "store "))
            else f'[[client.contoso.tenant]]\nconnector = "google"\n{example}'
        )


TENANT = '[[client.contoso.tenant]]\nconnector = "m365"\n'
IN_A_NEW_FILE = [line.removeprefix("# ").removeprefix("#") for line in EXAMPLES.format(key="contoso").split("\n")[1:]]
FOR_A_PROVIDER = [line.removeprefix("# ") for line in SERVICE.splitlines() if "=" in line or line.startswith("# [")]
GOOD = [
    examples.GOOD, examples.ARRANGED, examples.PLACED, examples.GOOD + examples.ACCEPTED, PROVIDER + CLIENT + ORDER,
    examples.GOOD + "\n".join(IN_A_NEW_FILE), "\n".join([*FOR_A_PROVIDER, ""]),
]  # fmt: skip
PAGES = ("README.md", "PRIVACY.md", "connectors/keyround_m365/README.md", "connectors/keyround_google/README.md")


@pytest.mark.parametrize("text", [*GOOD, *(example for page in PAGES for example in shown(page))])
def test_what_is_right_is_right(text):
    assert wrong(text if ".tenant]]" in text else text + TENANT) == []


# What a schema cannot say: which countries, zones and home folders there are, how days and ranges of addresses lie,
# whether a day stands in quotes, when a reason is needed.
ONLY_THE_READER = {
    '["dk", "UK"]', '["dk", "XX"]', '["UK"]', "Europe/Berln", 'store = "~nobody-here/x"', "until = 2027-05-03",
    "until = 2028-05-15", '"203.0.113.7/24"', '"203.0.113.0/33"', '"0.0.0.0/0"', '"::/0"', '"::ffff:203.0.113.0/120"',
    '"AS0"', '"2026-12-31"', 'until = "2027-05-15"', "sign_ins = 400",
}  # fmt: skip
MISTAKES = [
    *((examples.GOOD.replace(wrong, right), right) for wrong, right, _ in examples.MISTAKES),
    *((examples.ARRANGED.replace(wrong, right, 1), right) for wrong, right, _ in examples.ARRANGED_MISTAKES),
    *(
        (examples.GOOD + examples.ACCEPTED.replace(wrong, right), right)
        for wrong, right, _ in examples.ACCEPTED_MISTAKES
    ),
    *((examples.PLACED.replace(wrong, right), right) for wrong, right, _ in examples.PLACED_MISTAKES),
]


def test_a_mistake_is_one_for_both_as_far_as_a_schema_can_tell():
    missed = set()
    for text, right in MISTAKES:
        try:
            if not wrong(text):
                missed.add(right)
        except tomllib.TOMLDecodeError:
            continue
    assert missed == ONLY_THE_READER


def test_init_prints_it_for_an_editor(capsys):
    assert main(["init", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA
