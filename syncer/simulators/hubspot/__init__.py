"""A stand-in for api.hubapi.com: CRM objects in date-versioned paths (2026-03, 2026-09), as HubSpot serves them.

One portal with contacts, communications, tickets, tasks and notes (`objects`, `records`), their properties (`schema`,
`values`), search over an index that may lag (`index`, `searching`), batches with partial results (`batches`), links
between objects (`links`), owners and pipelines (`people`), tokens, scopes and rate limits (`gate`). A million contacts
cost no memory: they are made up when they are asked for (`seeds`). What the portal's people do is played through the
control API under `/_sim/` (`control`), which also plans faults.
Start it with `python -m syncer.simulators.hubspot`, or in a test with `app.start(HubSpotConfig(...))`.
"""
