"""Finding the record of a phone number, however it was typed into the org.

Numbers are looked for as people usually write them, which an index can answer at once, and then digit by digit with
anything between, for which Salesforce looks at every record. What is found is read as the sync reads it, so that the
two never disagree on whose number it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from config.contact_fields import FieldMap
from syncer.crm.batches import chunks
from syncer.crm.people import forms_of, is_still, numbers
from syncer.crm.salesforce import soql
from syncer.crm.salesforce.call import Api
from syncer.domain.errors import DeliveryError

Found = tuple[str, dict[str, Any]]
"""A record's id and its fields."""

#: Numbers in one query: an address has room for these, each in its spellings and for two fields.
_SPELLED, _DIGITS = 20, 30
#: Refusals that say no more than that the org is too large to look through.
_TOO_LARGE = ("QUERY_TIMEOUT", "OPERATION_TOO_LARGE", "REQUEST_RUNNING_TOO_LONG", "timeout")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finder:
    """Finds records of `kind` by the fields of the lines that hold phones."""

    api: Api
    kind: str
    names: Sequence[str]
    lines: Sequence[FieldMap]
    region: str

    def by_phone(self, phones: Collection[str]) -> dict[str | None, Found]:
        """The record of each number in whichever of its forms, the first by id if several have it."""
        wanted = forms_of(sorted(phones))
        found = self._found(wanted, sorted(wanted), _SPELLED, self._spelled)
        rest = [form for form, phone in wanted.items() if phone not in found]
        try:
            return found | self._found(wanted, sorted(rest), _DIGITS, self._digit_by_digit)
        except DeliveryError as error:
            if error.code not in _TOO_LARGE:
                raise
            logger.warning("the org is too large to look for numbers in unusual spellings: %s", error)
            return found

    def has(self, values: Mapping[str, Any], phone: str | None) -> bool:
        """Whether a record is still that of this number: it may have been given to another."""
        return is_still(phone, self.numbers(values))

    def numbers(self, values: Mapping[str, Any]) -> list[str]:
        """The numbers of a record."""
        return numbers(values, self.lines, self.region)

    def _found(
        self,
        wanted: Mapping[str, str],
        forms: Sequence[str],
        size: int,
        condition: Callable[[Sequence[str]], str],
    ) -> dict[str | None, Found]:
        found: dict[str | None, Found] = {}
        for part in chunks(forms, size):
            asked = f"SELECT {','.join(dict.fromkeys(('Id', *self.names)))} FROM {self.kind}"
            for row in self.api.rows(f"{asked} WHERE {condition(part)} ORDER BY Id LIMIT 2000"):
                for number in self.numbers(row):
                    if number in wanted:
                        found.setdefault(wanted[number], (str(row.get("Id")), row))
        return found

    def _spelled(self, forms: Sequence[str]) -> str:
        spelled = soql.listed(sorted({one for form in forms for one in spellings(form)}))
        return " OR ".join(f"{line.crm} IN {spelled}" for line in self.lines)

    def _digit_by_digit(self, forms: Sequence[str]) -> str:
        patterns = [soql.containing(_national(form)) for form in forms]
        return " OR ".join(f"{line.crm} LIKE {pattern}" for line in self.lines for pattern in patterns)


def spellings(phone: str) -> set[str]:
    """A number as most people type it: with the country code, or with a zero in its place, alone or parted."""
    try:
        number = phonenumbers.parse(phone)
    except NumberParseException:
        return {phone, phone.removeprefix("+")}
    parted = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    plain = {phone, phone[1:], f"0{phonenumbers.national_significant_number(number)}"}
    return plain | {parted, parted.replace(" ", "-")}


def _national(phone: str) -> str:
    try:
        return phonenumbers.national_significant_number(phonenumbers.parse(phone))
    except NumberParseException:
        return phone.removeprefix("+")
