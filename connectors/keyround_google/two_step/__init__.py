"""Whose 2-Step Verification policy wins: worked out from the snapshot alone, as Google works it out.

documents    Google's JSON as values
conditions   the queries that say to whom a policy applies
people       units, groups, licences and administrators
effective    the winner, and what may be in force where something was not read
words        policies as a manager reads them
"""

from __future__ import annotations

from .effective import Estate, Possible, allowed_factors, allows, estate, resists_phishing

__all__ = ["Estate", "Possible", "allowed_factors", "allows", "estate", "resists_phishing"]
