"""`make bench`: every measurement, one line each."""

from __future__ import annotations

import argparse

from . import collecting, handing, judging, patterns, policies, remembering, scanning, serving, starting, two_step


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--sign-ins", type=int, default=300_000)
    parser.add_argument("--rows", type=int, default=10_000_000, help="sign-ins for the rule")
    parser.add_argument(
        "--scanned", type=int, default=5_000, help="accounts of a whole scan, with twelve sign-ins each"
    )
    parser.add_argument("--patterns", type=int, default=5_000_000, help="sign-ins for all rules about them")
    parser.add_argument("--written", type=int, default=50_000, help="people in a workbook, with four sign-ins each")
    parser.add_argument("--only", choices=("patterns", "handing", "serving"), help="nothing else")
    parser.add_argument("--clients", type=int, default=16, help="of a provider")
    asked = parser.parse_args()
    if asked.only == "serving":
        serving.measure(asked.clients)
        return
    if asked.only == "patterns":
        patterns.measure(asked.patterns)
        return
    if asked.only == "handing":
        handing.measure(asked.written, 4 * asked.written)
        return
    starting.measure()
    judging.measure(asked.rows)
    patterns.measure(asked.patterns)
    policies.measure(asked.accounts)
    two_step.measure(asked.accounts)
    scanning.measure(asked.scanned, 12 * asked.scanned)
    remembering.measure(asked.accounts // 2)
    handing.measure(asked.written, 4 * asked.written)
    serving.measure(asked.clients)
    for provider in ("m365", "google"):
        collecting.measure(provider, asked.accounts, asked.sign_ins)


main()
