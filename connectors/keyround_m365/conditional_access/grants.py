"""What a policy demands once it applies: clauses that must all be met, each a choice of ways to meet it.

All applying policies must be satisfied. With "require all" every control is a
clause of its own, with "require one" they are alternatives of one clause. So a
second factor is certain exactly where one clause offers nothing but second
factors; everywhere else there is a way around it.

Source  https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-grant
        https://learn.microsoft.com/graph/api/resources/authenticationstrengthpolicy
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MFA = "mfa"
RESISTANT = "phishing_resistant"
THIRD_PARTY = "third_party"
BLOCK = "block"
TERMS = "terms:"
STRENGTH = "strength:"

# Combinations of one word that are two factors all the same.
_PHISHING_RESISTANT = frozenset({"windowshelloforbusiness", "fido2", "x509certificatemultifactor"})
_TWO_IN_ONE = _PHISHING_RESISTANT | {
    "devicebasedpush", "temporaryaccesspassonetime", "temporaryaccesspassmultiuse", "federatedmultifactor",
}  # fmt: skip
_ONE_FACTOR = frozenset({
    "password", "sms", "voice", "hardwareoath", "softwareoath", "microsoftauthenticatorpush", "federatedsinglefactor",
    "x509certificatesinglefactor", "qrcodepin", "email",
})  # fmt: skip

Clause = frozenset[str]


@dataclass(frozen=True, slots=True)
class Grant:
    """`uncertain`: a strength with a word that is too new to be judged, so nobody can say whether it is MFA."""

    block: bool = False
    clauses: tuple[Clause, ...] = ()
    uncertain: bool = False


def grant(controls: Any, strengths: Mapping[str, Any]) -> Grant:
    """The `grantControls` of one policy. `strengths` (id -> document) serve where a policy only names one.

    Raises ValueError when a part has a shape that Microsoft's documents never have.
    """
    controls = part(controls)  # without any: session controls alone demand nothing
    words = [word.lower() for word in listed(controls.get("builtInControls"))]
    if BLOCK in words:
        return Grant(block=True)
    literals = [word for word in words if word]
    literals += [f"{TERMS}{terms}" for terms in listed(controls.get("termsOfUse"))]
    literals += [THIRD_PARTY for _ in listed(controls.get("customAuthenticationFactors"))]
    strength = part(controls.get("authenticationStrength"))
    uncertain = False
    if strength:
        literal = _strength(strength, strengths)
        uncertain = literal is None
        literals.append(literal or MFA)
    if not literals:
        return Grant()
    every = str(controls.get("operator") or "").upper() == "AND"
    clauses = tuple(frozenset({one}) for one in literals) if every else (frozenset(literals),)
    return Grant(clauses=clauses, uncertain=uncertain)


def _strength(strength: Mapping[str, Any], strengths: Mapping[str, Any]) -> str | None:
    """The literal an authentication strength is; None when that cannot be said."""
    known = strengths.get(str(strength.get("id") or "").lower())
    if not strength.get("allowedCombinations") and isinstance(known, dict):
        strength = known
    combinations = [word.lower().replace(" ", "") for word in listed(strength.get("allowedCombinations"))]
    if not combinations:
        return None
    satisfied = strength.get("requirementsSatisfied")
    if isinstance(satisfied, str) and satisfied.lower() != "mfa":
        return f"{STRENGTH}{strength.get('displayName') or strength.get('id')}"
    if _PHISHING_RESISTANT.issuperset(combinations):
        return RESISTANT
    single = {word for word in combinations if "," not in word and word not in _TWO_IN_ONE}
    if not single:
        return MFA
    return f"{STRENGTH}{strength.get('displayName') or strength.get('id')}" if single & _ONE_FACTOR else None


def listed(value: Any) -> list[str]:
    """The texts of a list; a single text counts as a list of one or, with commas, of several.

    Raises ValueError for anything else that is not null: to read it as nothing would be to say that nothing is there.
    """
    if isinstance(value, str):
        return [one.strip() for one in value.split(",") if one.strip()]
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str | None) for item in value):
        raise ValueError("not a list of words")
    return [item for item in value if item]


def part(value: Any) -> dict[str, Any]:
    """An object, an empty one for null. Raises ValueError for anything else."""
    if value is not None and not isinstance(value, dict):
        raise ValueError("not an object")
    return value or {}
