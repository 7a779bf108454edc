"""HubSpot as a CRM: contacts, communications and tickets over its date-versioned API (R15)."""
