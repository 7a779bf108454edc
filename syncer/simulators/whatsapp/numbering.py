"""How one phone number can be written in Brazil, Mexico and Argentina, and which numbers are of the United States.

WhatsApp keeps the form under which a person registered; the business may write the other one and is told the first in
`contacts[].wa_id` (messages page: Brazil and Mexico; Argentina's 9 behaves the same way).
"""

from __future__ import annotations

import re

_BRAZIL = re.compile(r"55([1-9]\d)(9?)([6-9]\d{7})$")
_MEXICO = re.compile(r"52(1?)([2-9]\d{9})$")
_ARGENTINA = re.compile(r"54(9?)([1-8]\d{9})$")
_LAST_AREA_WITH_NINE = 28

# Area codes of +1 outside the United States: Canada and the Caribbean (North American Numbering Plan).
_NOT_US = re.compile(
    "204|226|236|249|250|257|263|289|306|343|354|365|367|368|382|387|403|416|418|428|431|437|438|450|460|468|474|"
    "506|514|519|548|579|581|584|587|600|604|613|622|639|647|672|683|705|709|742|753|778|780|782|807|819|825|867|"
    "873|879|902|905|942|242|246|264|268|284|345|441|473|649|658|664|721|758|767|784|809|829|849|868|869|876"
)


def forms(digits: str) -> tuple[str, ...]:
    """Every way of writing this number, the one that WhatsApp keeps for a new person first; alone elsewhere."""
    if found := _BRAZIL.match(digits):
        area, _, rest = found.groups()
        long, short = f"55{area}9{rest}", f"55{area}{rest}"
        return (long, short) if int(area) <= _LAST_AREA_WITH_NINE else (short, long)
    if found := _MEXICO.match(digits):
        return f"521{found[2]}", f"52{found[2]}"
    if found := _ARGENTINA.match(digits):
        return f"549{found[2]}", f"54{found[2]}"
    return (digits,)


def of_united_states(wa_id: str, user_id: str) -> bool:
    """Whether a person is in the United States; by the user id where the number is hidden."""
    if not wa_id:
        return user_id.startswith("US.")
    return len(wa_id) == 11 and wa_id[0] == "1" and _NOT_US.match(wa_id, 1) is None
