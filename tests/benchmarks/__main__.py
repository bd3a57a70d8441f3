"""`make bench`: every measurement, one line each."""

from __future__ import annotations

import argparse

from . import collecting, judging, policies, remembering, scanning, starting, two_step


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--sign-ins", type=int, default=300_000)
    parser.add_argument("--rows", type=int, default=10_000_000, help="sign-ins for the rule")
    parser.add_argument(
        "--scanned", type=int, default=5_000, help="accounts of a whole scan, with twelve sign-ins each"
    )
    asked = parser.parse_args()
    starting.measure()
    judging.measure(asked.rows)
    policies.measure(asked.accounts)
    two_step.measure(asked.accounts)
    scanning.measure(asked.scanned, 12 * asked.scanned)
    remembering.measure(asked.accounts // 2)
    for provider in ("m365", "google"):
        collecting.measure(provider, asked.accounts, asked.sign_ins)


main()
