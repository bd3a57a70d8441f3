"""What an action costs: hours in words, and money where the provider has a rate."""

from __future__ import annotations

from ..presentation import Provider
from ..words import language, say

_LONG = 8.0
"""Hours from which on nobody counts half ones."""


def hours(count: float) -> str:
    """45 min, 1.5 h, 12 h."""
    if count < 1:
        return say("effort_said.minutes", n=max(5, round(count * 12) * 5))
    from babel.numbers import format_decimal

    shown = round(count) if count >= _LONG else round(count * 2) / 2
    return say("effort_said.hours", hours=format_decimal(shown, format="#,##0.#", locale=language()))


def cost(count: float, by: Provider) -> str:
    """So many hours in money, without cents; empty where no rate is known."""
    if by.hourly_rate is None:
        return ""
    from babel import Locale
    from babel.numbers import format_currency

    pattern = Locale.parse(language()).currency_formats["standard"].pattern.split(";")[0].replace("0.00", "0")
    amount = round(count * by.hourly_rate)
    return str(format_currency(amount, by.currency, pattern, language(), currency_digits=False))
