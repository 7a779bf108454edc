"""A stand-in for Zoho CRM's API v8 and its accounts server: modules and their records, as Zoho serves them.

One organisation with contacts, notes, tasks, cases and a module of messages (`organisation`, `records`), their fields
(`schema`, `values`), lists with page tokens (`listing`), queries in COQL (`coql`), writes with a fate for each record
(`writes`), tags (`tags`), watch channels that call back (`watching`), tokens, scopes, credits and concurrency (`gate`).
A million contacts cost no memory: they are made up when they are asked for (`seeds`). What the organisation's people do
is played through the control API under `/_sim/` (`control`), which also plans faults.
Start it with `python -m syncer.simulators.zoho`, or in a test with `app.start(ZohoConfig(...))`.
"""
