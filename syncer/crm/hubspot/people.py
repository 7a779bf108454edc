"""Writing customers: the record that is known, else the one with that phone, else a new one under a key of ours (R21).

A new record carries our own id in a unique property, made of the phone: two workers who meet the same stranger write
one record, whatever the search index knows by then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from config.object_mapping import ContactObject
from syncer.crm.batches import chunks
from syncer.crm.exchange import reading
from syncer.crm.hubspot import errors
from syncer.crm.hubspot.call import Api, is_id
from syncer.crm.hubspot.call import parsed as answer_of
from syncer.crm.hubspot.reading import Reader
from syncer.crm.hubspot.writing import Outcome, properties, read, write
from syncer.crm.people import Update, departed, forms_of, is_still, key_of, lines_of_new, numbers, phone_lines, phone_of
from syncer.crm.side_by_side import both
from syncer.crm.spelling import Speller
from syncer.domain.crm_record import CrmContact, WriteResult
from syncer.domain.errors import Never

#: Property with a phone -> the one that HubSpot computes of it: digits with the country code, for searches.
_SEARCHABLE = {
    "phone": "hs_searchable_calculated_international_phone_number",
    "mobilephone": "hs_searchable_calculated_international_mobile_number",
}
#: Numbers in one search: its body may have 3,000 characters.
_NUMBERS = 60

Found = tuple[str, dict[str, Any]]
"""A record's id and its properties."""


@dataclass(frozen=True)
class People:
    """Writes the records of one mapping."""

    api: Api
    mapping: ContactObject
    reader: Reader
    region: str

    def write(self, people: Sequence[CrmContact]) -> list[WriteResult]:
        """Update or create each person's record; one that was deleted or merged away meanwhile is that person's own
        failure. Raises `TryAgain`, `TryLater`, `FixCredentials`."""
        known = [person for person in people if person.crm_id]
        strangers = [person for person in people if not person.crm_id]
        (there, results), (met, taken) = both(partial(self._known, known), partial(self._met, strangers))
        there |= met
        updates: dict[str, Update] = {}
        for person in people:
            if found := there.get(person.ref):
                updates.setdefault(found[0], Update(found[1])).people.append(person)
        new = [person for person in strangers if person.ref not in there]
        # One after the other: an e-mail address, which is unique, may pass from one person to another in one batch.
        updated = self._update(updates)
        made, healed = self._create(new, taken)
        results |= updated | made
        results |= self._heal(healed) if healed else {}
        return [results[person.ref] for person in people]

    # --- finding

    def _known(self, people: Sequence[CrmContact]) -> tuple[dict[str, Found], dict[str, WriteResult]]:
        """Of those with an id: the records that are there, and the results of the others."""
        ids = [person.crm_id for person in people if person.crm_id and is_id(person.crm_id)]
        rows = read(self.api, self.mapping.object, ids, self._names) if ids else []
        found = {str(row.get("id")): properties(row) for row in rows}
        lost = [person for person in people if person.crm_id not in found]
        fates = {fate.crm_id: fate for fate in self.reader.look_up([str(person.crm_id) for person in lost])}
        results = {}
        for person in lost:
            results[person.ref] = departed(person, fates[str(person.crm_id)], "OBJECT_NOT_FOUND")
        there = {person.ref: (str(person.crm_id), found[str(person.crm_id)]) for person in people if person not in lost}
        return there, results

    def _met(self, strangers: Sequence[CrmContact]) -> tuple[dict[str, Found], Collection[str]]:
        """Of those without an id: the records with their phone, by the search or else by the key that we gave them; and
        which of our keys are on a record."""
        phones = {phone for person in strangers if (phone := phone_of(person))}
        keys = {key_of(person) for person in strangers}
        by_phone, by_key = both(partial(self._by_phone, phones), partial(self._by_key, keys))
        there = {}
        for person in strangers:
            if found := by_phone.get(phone_of(person)) or self._own(person, by_key):
                there[person.ref] = found
        return there, by_key.keys()

    def _own(self, person: CrmContact, by_key: Mapping[str, Found]) -> Found | None:
        """The record under our key, unless its number is another's by now."""
        found = by_key.get(key_of(person))
        theirs = numbers(found[1], phone_lines(self.mapping), self.region) if found else []
        return found if is_still(phone_of(person), theirs) else None

    def _by_key(self, keys: Collection[str]) -> dict[str, Found]:
        unique = self.mapping.unique
        rows = read(self.api, self.mapping.object, sorted(keys), self._names, by=unique)
        found = ((str(row.get("id")), properties(row)) for row in rows)
        return {str(values.get(unique)): (object_id, values) for object_id, values in found}

    def _by_phone(self, phones: Collection[str]) -> dict[str | None, Found]:
        """The record of each number in whichever of its forms, the first by id if several have it. What is found is
        read as the sync reads it, so that the two never disagree on whose number it is."""
        wanted = forms_of(sorted(phones))
        found: dict[str | None, Found] = {}
        for part in chunks(sorted(wanted), _NUMBERS):
            for row in self._search(part):
                values = properties(row)
                for number in numbers(values, phone_lines(self.mapping), self.region):
                    if number in wanted:
                        found.setdefault(wanted[number], (str(row.get("id")), values))
        return found

    def _search(self, phones: Sequence[str]) -> list[dict[str, Any]]:
        groups = []
        for line in phone_lines(self.mapping):
            computed = _SEARCHABLE.get(line.crm)
            values = [phone.removeprefix("+") for phone in phones] if computed else list(phones)
            groups.append({"filters": [{"propertyName": computed or line.crm, "operator": "IN", "values": values}]})
        body = {"filterGroups": groups, "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]}
        try:
            found = answer_of(self.api.search(self.mapping.object, {**body, "properties": self._names, "limit": 200}))
        except Never as error:
            raise reading(error) from error
        return [row for row in found.get("results") or () if isinstance(row, dict)]

    # --- writing

    def _update(self, updates: Mapping[str, Update]) -> dict[str, WriteResult]:
        inputs = {}
        for crm_id, update in updates.items():
            changes = self._speller.changes(update.fields(), update.values)
            if changes:
                inputs[crm_id] = {"id": crm_id, "properties": _plain(changes)}
        outcomes = self._without_taken(inputs, write(self.api, self.mapping.object, "update", inputs))
        results = {}
        for crm_id, update in updates.items():
            outcome = outcomes.get(crm_id, Outcome(id=crm_id))
            gone = errors.is_missing(outcome.error)
            for person in update.people:
                results[person.ref] = WriteResult(person.ref, crm_id, outcome.error, gone=gone)
        return results

    def _without_taken(
        self, inputs: Mapping[str, Mapping[str, Any]], outcomes: dict[str, Outcome]
    ) -> dict[str, Outcome]:
        """An e-mail address that another record has keeps nothing else from being written; the failure is still
        told."""
        again = {
            crm_id: {**inputs[crm_id], "properties": rest}
            for crm_id, outcome in outcomes.items()
            if errors.is_conflict(outcome.error)
            and (rest := {name: one for name, one in inputs[crm_id]["properties"].items() if name != "email"})
            and rest != inputs[crm_id]["properties"]
        }
        write(self.api, self.mapping.object, "update", again)
        return outcomes

    def _create(
        self, people: Sequence[CrmContact], taken: Collection[str]
    ) -> tuple[dict[str, WriteResult], dict[str, Update]]:
        """New records, and those that turn out to be there already, which are yet to be updated; `taken` are keys of
        ours that stand on another's record."""
        by_key: dict[str, Update] = {}
        for person in people:
            by_key.setdefault(key_of(person), Update({})).people.append(person)
        inputs = {
            key: {
                # Our key may stand on a record whose number is another by now: then this person's is made of the ref.
                "id": f"{key}-{new.people[0].ref}" if key in taken else key,
                "idProperty": self.mapping.unique,
                "properties": _plain(self._new_speller.changes(new.fields(), {})),
            }
            for key, new in by_key.items()
        }
        outcomes = write(self.api, self.mapping.object, "upsert", inputs)
        results = {}
        healed: dict[str, Update] = {}
        for key, new in by_key.items():
            existing = errors.existing_id(outcomes[key].error)
            if existing:
                healed.setdefault(existing, Update({})).people.extend(new.people)
            for person in new.people:
                results[person.ref] = WriteResult(person.ref, outcomes[key].id, outcomes[key].error)
        return results, healed

    def _heal(self, healed: Mapping[str, Update]) -> dict[str, WriteResult]:
        """A record with the same e-mail address is there already: it is this person's, and gets the rest."""
        rows = read(self.api, self.mapping.object, list(healed), self._names)
        there = {str(row.get("id")): properties(row) for row in rows}
        return self._update({one: Update(there[one], healed[one].people) for one in healed if one in there})

    # --- what the mapping says

    @property
    def _names(self) -> list[str]:
        lines = [*self.mapping.to_crm, *phone_lines(self.mapping)]
        return sorted({line.crm for line in lines} | {self.mapping.unique})

    @property
    def _speller(self) -> Speller:
        return Speller(self.mapping.to_crm, self.region)

    @property
    def _new_speller(self) -> Speller:
        return Speller(lines_of_new(self.mapping), self.region)


def _plain(changes: Mapping[str, Any]) -> dict[str, str]:
    """As HubSpot takes it: text, and an empty one to empty a property."""
    return {name: "" if value is None else str(value) for name, value in changes.items()}
