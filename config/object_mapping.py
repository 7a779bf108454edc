"""`mappings/hubspot.toml` and its like: which object of a vendor's CRM holds the customers, and which of its fields are
which of the engine's (R15, R21)."""

from __future__ import annotations

from pydantic import model_validator

from config.contact_fields import Column, ContactFields
from config.toml import FileModel


class ContactObject(ContactFields):
    """The object that holds the customers. `unique` is its field with our own id, by which the vendor finds a record
    again (HubSpot: a property with `hasUniqueValue`; Salesforce: an External Id; Zoho: a unique field)."""

    object: Column
    unique: Column

    @model_validator(mode="after")
    def _leaves_our_id_alone(self) -> ContactObject:
        if any(item.crm == self.unique for item in self.to_crm):
            raise ValueError(f"writes to the field '{self.unique}', which holds the engine's own id")
        return self


class ObjectMapping(FileModel):
    """The mapping of one vendor's CRM."""

    contacts: ContactObject
