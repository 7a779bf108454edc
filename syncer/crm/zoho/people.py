"""Writing customers: the record that is known, else the one with that phone, else a new one under a key of ours (R21).

A new record carries our own id in a unique field, made of the phone: two workers who meet the same stranger write one
record.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from config.contact_fields import FieldMap
from config.object_mapping import ContactObject
from syncer.crm.people import Update, forms_of, is_still, key_of, lines_of_new, numbers, phone_lines, phone_of
from syncer.crm.phone_spellings import spellings
from syncer.crm.side_by_side import both
from syncer.crm.spelling import Speller
from syncer.crm.zoho import errors
from syncer.crm.zoho.call import Api, is_id
from syncer.crm.zoho.mapping import TAG, Module
from syncer.crm.zoho.record_values import complete, fitted, old_values
from syncer.crm.zoho.rows import LAST_NAME
from syncer.crm.zoho.tags import TagChange, change, write_tags
from syncer.crm.zoho.writing import Outcome, having, read, write
from syncer.domain.crm_record import CrmContact, WriteResult
from syncer.domain.errors import Never


@dataclass(frozen=True)
class People:
    """Writes the records of one mapping; `known` are the fields of its module."""

    api: Api
    mapping: ContactObject
    known: Module
    region: str

    def write(self, people: Sequence[CrmContact]) -> list[WriteResult]:
        """Update or create each person's record; one that was deleted meanwhile is that person's own failure. Raises
        `TryAgain`, `TryLater`, `FixCredentials`."""
        known = [person for person in people if person.crm_id]
        strangers = [person for person in people if not person.crm_id]
        (there, results), (met, taken) = both(partial(self._known, known), partial(self._met, strangers))
        there |= met
        updates: dict[str, Update] = {}
        for person in people:
            if person.ref in there:
                row = there[person.ref]
                updates.setdefault(str(row["id"]), Update(row)).people.append(person)
        results |= self._update(updates)
        # After the others: an address that only one may have may be passed on in the same batch.
        results |= self._create([person for person in strangers if person.ref not in there], taken)
        return [results[person.ref] for person in people]

    # --- finding

    def _known(self, people: Sequence[CrmContact]) -> tuple[dict[str, dict[str, Any]], dict[str, WriteResult]]:
        """Of those with an id: the records that are there, and the results of the others."""
        ids = [person.crm_id for person in people if person.crm_id and is_id(person.crm_id)]
        rows = read(self.api, self.mapping.object, ids, self._names) if ids else {}
        there, results = {}, {}
        for person in people:
            if row := rows.get(str(person.crm_id)):
                there[person.ref] = row
            else:
                error = Never(f"the contact {person.crm_id} is not there any more", code="INVALID_DATA")
                results[person.ref] = WriteResult(person.ref, error=error, gone=True)
        return there, results

    def _met(self, strangers: Sequence[CrmContact]) -> tuple[dict[str, dict[str, Any]], Collection[str]]:
        """Of those without an id: the records with their phone, or else with the key that we gave them; and which of
        those keys are on a record."""
        phones = {phone for person in strangers if (phone := phone_of(person))}
        ids, by_key = both(partial(self._by_phone, phones), partial(self._by_key, {key_of(one) for one in strangers}))
        met = {}
        for person in strangers:
            if crm_id := ids.get(phone_of(person)) or self._own(person, by_key):
                met[person.ref] = crm_id
        rows = read(self.api, self.mapping.object, list(met.values()), self._names) if met else {}
        return {ref: rows[crm_id] for ref, crm_id in met.items() if crm_id in rows}, by_key.keys()

    def _by_phone(self, phones: Collection[str]) -> dict[str | None, str]:
        """The id of each number's record, the first if several have it, however the number was typed. What is found is
        read as the sync reads it, so that the two never disagree on whose number it is."""
        wanted = forms_of(sorted(phones))
        ways = [way for phone in sorted(phones) for way in spellings(phone)]
        names = [line.crm for line in phone_lines(self.mapping)]
        found: dict[str | None, str] = {}
        for row in having(self.api, self.mapping.object, names, ways, names):
            for number in numbers(row, phone_lines(self.mapping), self.region):
                if number in wanted:
                    found.setdefault(wanted[number], str(row["id"]))
        return found

    def _by_key(self, keys: Collection[str]) -> dict[str, dict[str, Any]]:
        unique = self.mapping.unique
        names = [unique, *(line.crm for line in phone_lines(self.mapping))]
        rows = having(self.api, self.mapping.object, [unique], sorted(keys), names)
        return {str(row.get(unique)): row for row in rows}

    def _own(self, person: CrmContact, by_key: Mapping[str, Mapping[str, Any]]) -> str | None:
        """The record under our key, unless its number is another's by now."""
        row = by_key.get(key_of(person))
        if row is None or not is_still(phone_of(person), numbers(row, phone_lines(self.mapping), self.region)):
            return None
        return str(row["id"])

    # --- writing

    def _update(self, updates: Mapping[str, Update]) -> dict[str, WriteResult]:
        inputs, labels = {}, {}
        for crm_id, update in updates.items():
            if changes := self._changes(update):
                inputs[crm_id] = {"id": crm_id, **changes}
            if (tags := self._labels(update)) != TagChange():
                labels[crm_id] = tags
        outcomes, failed = both(
            partial(self._updated, inputs), partial(write_tags, self.api, self.mapping.object, labels)
        )
        results = {}
        for crm_id, update in updates.items():
            outcome = outcomes.get(crm_id, Outcome())
            error = outcome.error or failed.get(crm_id)
            for person in update.people:
                results[person.ref] = WriteResult(person.ref, crm_id, error, gone=outcome.is_gone)
        return results

    def _updated(self, inputs: Mapping[str, Mapping[str, Any]]) -> dict[str, Outcome]:
        outcomes = write(self.api, "PUT", self.mapping.object, inputs)
        write(self.api, "PUT", self.mapping.object, self._spared(inputs, outcomes))
        return outcomes

    def _spared(self, inputs: Mapping[str, Mapping[str, Any]], outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
        """The refused rows without the one value that was to blame - another record has it, or the field does not take
        it - which keeps nothing else from being written; the failure is still told."""
        spared = {}
        for ref, outcome in outcomes.items():
            blamed = errors.details(outcome.told).get("api_name")
            rest = {name: value for name, value in inputs[ref].items() if name != blamed}
            is_value = isinstance(outcome.error, Never) and outcome.error.code in ("DUPLICATE_DATA", "INVALID_DATA")
            kept = {"id", self.mapping.unique, LAST_NAME}
            if is_value and blamed not in kept and not kept.issuperset(rest) and len(rest) < len(inputs[ref]):
                spared[ref] = rest
        return spared

    def _create(self, people: Sequence[CrmContact], taken: Collection[str]) -> dict[str, WriteResult]:
        """New records; `taken` are keys of ours that stand on a record."""
        by_key: dict[str, Update] = {}
        for person in people:
            by_key.setdefault(key_of(person), Update({})).people.append(person)
        if not by_key:
            return {}
        unique, module = self.mapping.unique, self.mapping.object
        inputs = {
            # Our key may stand on a record whose number is another by now: then this person's is made of the ref.
            key: {**self._changes(new), unique: f"{key}-{new.people[0].ref}" if key in taken else key}
            for key, new in by_key.items()
        }
        outcomes = self._upserted(inputs)
        healed: dict[str, Update] = {}
        labels: dict[str, TagChange] = {}
        results = {}
        for key, new in by_key.items():
            outcome = outcomes[key]
            if outcome.existing:
                healed.setdefault(outcome.existing, Update({})).people.extend(new.people)
            if outcome.id and (tags := self._labels(new)) != TagChange():
                labels[outcome.id] = tags
            for person in new.people:
                results[person.ref] = WriteResult(person.ref, outcome.id, outcome.error)
        refused = write_tags(self.api, module, labels)
        results |= {
            ref: WriteResult(ref, one.crm_id, refused[one.crm_id])
            for ref, one in results.items()
            if one.crm_id in refused
        }
        return results | (self._heal(healed) if healed else {})

    def _upserted(self, inputs: Mapping[str, Mapping[str, Any]]) -> dict[str, Outcome]:
        """A new record is made without a value that is refused, for messages need a contact to belong to."""
        path, check = f"{self.mapping.object}/upsert", [self.mapping.unique]
        outcomes = write(self.api, "POST", path, inputs, duplicate_check_fields=check)
        refused = {key: one for key, one in outcomes.items() if not one.existing}
        for key, made in write(
            self.api, "POST", path, self._spared(inputs, refused), duplicate_check_fields=check
        ).items():
            outcomes[key] = Outcome(made.id, outcomes[key].error, outcomes[key].told)
        return outcomes

    def _heal(self, healed: Mapping[str, Update]) -> dict[str, WriteResult]:
        """A record with the same e-mail address, or whatever else must be unique, is there already: it is this
        person's, and gets the rest."""
        rows = read(self.api, self.mapping.object, list(healed), self._names)
        return self._update({one: Update(rows[one], healed[one].people) for one in healed if one in rows})

    def _changes(self, update: Update) -> dict[str, Any]:
        """The fields to write, as Zoho takes them."""
        new, wanted = not update.values, update.fields()
        old = old_values(update.values)
        found = fitted(Speller(self._written(new), self.region, self.known.kinds).changes(wanted, old), self.known)
        changes = {name: value for name, value in found.items() if value != old.get(name)}
        if new or any(line.crm == LAST_NAME for line in self.mapping.to_crm):
            changes = complete(changes, update.values, wanted)
        return fitted(changes, self.known)

    def _labels(self, update: Update) -> TagChange:
        line = next((line for line in self.mapping.to_crm if line.crm == TAG), None)
        wanted = update.fields()
        if line is None or line.contact not in wanted:
            return TagChange()
        return change(line, self.region, wanted[line.contact], update.values)

    # --- what the mapping says

    @property
    def _names(self) -> list[str]:
        lines = [*self.mapping.to_crm, *phone_lines(self.mapping)]
        return sorted({line.crm for line in lines} | {self.mapping.unique, LAST_NAME})

    def _written(self, new: bool) -> list[FieldMap]:
        lines = lines_of_new(self.mapping) if new else self.mapping.to_crm
        return [line for line in lines if line.crm != TAG]
