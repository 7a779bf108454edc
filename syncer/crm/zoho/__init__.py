"""Zoho CRM, API v8: contacts by page tokens and by id, upserts without workflows, messages in a module of the company's
own or as notes, handoffs as cases or tasks, and watch channels that tell of changes."""
