"""Writing customers: the record that is known, else the one with that phone, else a new one under a key of ours (R21).

A new record carries our own id in an external id, made of the phone: two workers who meet the same stranger write one
record.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from config.object_mapping import ContactObject
from syncer.crm.people import Update, departed, key_of, lines_of_new, phone_lines, phone_of
from syncer.crm.salesforce import bulk, errors, soql
from syncer.crm.salesforce.call import Api
from syncer.crm.salesforce.finding import Finder, Found
from syncer.crm.salesforce.reading import Reader
from syncer.crm.salesforce.rows import LAST_NAME, NAMELESS
from syncer.crm.salesforce.writing import Outcome, Record, read, write
from syncer.crm.side_by_side import both
from syncer.crm.spelling import Speller
from syncer.domain.crm_record import CrmContact, WriteResult

logger = logging.getLogger(__name__)

#: A record with more values than this that the org does not take keeps the others waiting until a person has looked.
_MOST_BLAMED = 4


@dataclass(frozen=True)
class People:
    """Writes the records of one mapping. `kinds` are the fields whose values are no text; more records at once than
    `bulk_above` go by a job."""

    api: Api
    mapping: ContactObject
    reader: Reader
    region: str
    kinds: Mapping[str, type]
    bulk_above: int = bulk.ABOVE

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
        results |= self._update(updates)
        # After the others: an address that only one may have may be passed on in the same batch.
        results |= self._create([person for person in strangers if person.ref not in there], taken)
        return [results[person.ref] for person in people]

    # --- finding

    def _known(self, people: Sequence[CrmContact]) -> tuple[dict[str, Found], dict[str, WriteResult]]:
        """Of those with an id: the records that are there, and the results of the others."""
        ids = {person.ref: soql.long_id(str(person.crm_id)) for person in people if soql.is_id(str(person.crm_id))}
        rows = read(self.api, self.mapping.object, self._names, "Id", ids.values())
        found = {str(row.get("Id")): row for row in rows}
        there = {ref: (crm_id, found[crm_id]) for ref, crm_id in ids.items() if crm_id in found}
        return there, self._departed([person for person in people if person.ref not in there])

    def _departed(self, people: Sequence[CrmContact]) -> dict[str, WriteResult]:
        """The results of those whose record is not there any more."""
        fates = self.reader.look_up([str(person.crm_id) for person in people])
        results = {}
        for person, fate in zip(people, fates, strict=True):
            results[person.ref] = departed(person, fate, "ENTITY_IS_DELETED")
        return results

    def _met(self, strangers: Sequence[CrmContact]) -> tuple[dict[str, Found], set[str]]:
        """Of those without an id: the records with their phone or with the key that we gave them; and the keys that
        stand on records whose number is another by now."""
        phones = {phone for person in strangers if (phone := phone_of(person))}
        keys = dict.fromkeys(map(key_of, strangers))
        look = partial(read, self.api, self.mapping.object, self._names, self.mapping.unique, keys)
        found, rows = both(partial(self._finder.by_phone, phones), look)
        there = {person.ref: found[phone] for person in strangers if (phone := phone_of(person)) in found}
        by_key: dict[str, list[CrmContact]] = {}
        for person in strangers:
            if person.ref not in there:
                by_key.setdefault(key_of(person), []).append(person)
        taken = set()
        for row in rows:
            key = str(row.get(self.mapping.unique))
            mates = by_key.get(key, [])
            if mates and self._finder.has(row, phone_of(mates[0])):
                there |= {mate.ref: (str(row.get("Id")), row) for mate in mates}
            else:
                taken.add(key)
        return there, taken

    # --- writing

    def _update(self, updates: Mapping[str, Update]) -> dict[str, WriteResult]:
        records = {}
        for crm_id, update in updates.items():
            changes = self._named(self._speller.changes(update.fields(), _flat(update.values)), update.values)
            if changes:
                records[crm_id] = {"Id": crm_id, **changes}
        outcomes = self._written("update", records)
        results: dict[str, WriteResult] = {}
        gone: list[CrmContact] = []
        for crm_id, update in updates.items():
            outcome = outcomes.get(crm_id, Outcome(id=crm_id))
            if errors.is_missing(outcome.error):
                gone += [CrmContact(person.ref, crm_id, person.fields) for person in update.people]
            for person in update.people:
                results[person.ref] = WriteResult(person.ref, crm_id, outcome.error)
        departed = self._departed(gone) if gone else {}
        # A refusal may also mean a record that ours points to: then this one is there.
        there = {fate.crm_id for fate in self.reader.look_up([str(one.crm_id) for one in gone]) if fate.row}
        return results | {one.ref: departed[one.ref] for one in gone if one.crm_id not in there}

    def _create(self, people: Sequence[CrmContact], taken: set[str]) -> dict[str, WriteResult]:
        unique, by_key = self.mapping.unique, dict[str, Update]()
        for person in people:
            by_key.setdefault(key_of(person), Update({})).people.append(person)
        records = {}
        for key, new in by_key.items():
            values = self._named(self._new_speller.changes(new.fields(), {}), {LAST_NAME: None})
            # Our key may stand on a record whose number is another by now: then this person's is made of the ref.
            own = f"{key}-{new.people[0].ref}" if key in taken else key
            records[key] = {unique: own, **{name: value for name, value in values.items() if value is not None}}
        outcomes = self._written("upsert", records)
        results = {}
        alike: dict[str, Update] = {}
        for key, new in by_key.items():
            same = self._same(new, outcomes[key].alike)
            if same is not None:
                alike.setdefault(same[0], Update(same[1])).people.extend(new.people)
            outcome = outcomes[key]
            if outcome.id and outcome.error:
                # A person who is there without a value keeps nobody waiting; the next update tells of it again.
                logger.warning("contact %s was made without %s: %s", outcome.id, outcome.fields, outcome.error.code)
            for person in new.people:
                error = None if outcome.id else outcome.error
                results[person.ref] = WriteResult(person.ref, outcome.id, error)
        return results | (self._update(alike) if alike else {})

    def _same(self, new: Update, alike: Sequence[str]) -> Found | None:
        """Of the records that a rule for duplicates names, the one that has this person's phone or e-mail address: a
        rule may go by the name alone, and two people may have one."""
        phones = {phone for person in new.people if (phone := phone_of(person))}
        addresses = {value.lower() for value in (new.fields().get("email"),) if isinstance(value, str)}
        emails = [line.crm for line in self.mapping.to_contact if line.contact == "email"]
        for row in read(self.api, self.mapping.object, [*self._names, *emails], "Id", alike):
            theirs = {str(row.get(name) or "").lower() for name in emails}
            if phones & set(self._finder.numbers(row)) or addresses & theirs:
                return str(row.get("Id")), row
        return None

    def _written(self, verb: str, records: Mapping[str, Record]) -> dict[str, Outcome]:
        """Write records. A value that the org does not take keeps nothing else of its record from being written, least
        of all a consent; the failure is still told. Salesforce may blame one field after the other."""
        outcomes = self._send(verb, records)
        latest: Mapping[str, Outcome] = outcomes
        for _ in range(_MOST_BLAMED):
            records = {
                ref: rest
                for ref, outcome in latest.items()
                if errors.blames_fields(outcome.error) and outcome.fields
                if (rest := {name: one for name, one in records[ref].items() if name not in outcome.fields})
                and 1 < len(rest) < len(records[ref])
            }
            latest = self._send(verb, records)
            outcomes |= {ref: replace(outcomes[ref], id=outcome.id) for ref, outcome in latest.items() if outcome.id}
        return outcomes

    def _send(self, verb: str, records: Mapping[str, Record]) -> dict[str, Outcome]:
        by = self.mapping.unique if verb == "upsert" else None
        if len(records) > self.bulk_above:
            return bulk.write(self.api, self.mapping.object, verb, records, by=by)
        return write(self.api, self.mapping.object, verb, records, by=by)

    def _named(self, changes: dict[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
        """No person goes without a last name: the first stands in for it, and else a word that is read as none."""
        if LAST_NAME not in self._needed or changes.get(LAST_NAME, old.get(LAST_NAME)):
            return changes
        first = changes.get("FirstName", old.get("FirstName"))
        return {**changes, LAST_NAME: first or NAMELESS, **({"FirstName": None} if first else {})}

    # --- what the mapping says

    @property
    def _needed(self) -> tuple[str, ...]:
        """What no record of this object can be without."""
        return (LAST_NAME,) if self.mapping.object in ("Contact", "Lead") else ()

    @cached_property
    def _finder(self) -> Finder:
        return Finder(self.api, self.mapping.object, self._names, phone_lines(self.mapping), self.region)

    @cached_property
    def _names(self) -> list[str]:
        lines = {line.crm for line in (*self.mapping.to_crm, *phone_lines(self.mapping))}
        return sorted({*lines, self.mapping.unique, *self._needed})

    @cached_property
    def _speller(self) -> Speller:
        return Speller(self.mapping.to_crm, self.region, self.kinds)

    @cached_property
    def _new_speller(self) -> Speller:
        return Speller(lines_of_new(self.mapping), self.region, self.kinds)


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """A record's values, of which the last name that only stands in is none."""
    return {**values, LAST_NAME: None} if values.get(LAST_NAME) == NAMELESS else dict(values)
