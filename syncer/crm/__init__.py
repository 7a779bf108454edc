"""The customer systems: one folder per CRM, each with an adapter, a mapping and an error table of its own."""
