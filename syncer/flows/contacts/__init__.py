"""Contacts: read from the CRMs, cleaned, merged, kept in step both ways; and what a person may ask of them."""
