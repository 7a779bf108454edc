"""Syncer: the sync engine between the WhatsApp Business Platform and a company's CRM."""
