"""A stand-in for an org of Salesforce: the REST API (v60 to v68), as Salesforce serves it on a My Domain address.

One org with contacts, accounts, users, tasks, cases and, if asked for, messages (`records`, `org`), their fields
(`schema`, `values`), SOQL (`soql`, `querying`), single records and collections of up to 200 with fates of their own
(`writing`, `collections_api`), Bulk API 2.0 ingest (`bulk`), tokens and the limit of calls (`gate`). A million contacts
cost no memory: they are made up when they are asked for (`seeds`). What the org's people do is played through the
control API under `/_sim/` (`control`), which also plans faults.
Start it with `python -m syncer.simulators.salesforce`, or in a test with `app.start(SalesforceConfig(...))`.
"""
