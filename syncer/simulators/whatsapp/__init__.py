"""A stand-in for graph.facebook.com as the WhatsApp Business Platform serves it (Cloud API, v25.0 shapes).

Messages are accepted or refused as the platform would (`sending`, `kinds`, `templates`, `limits`, `errors`), then live
on (`statuses`) and are told to the business by signed, batched, retried webhooks (`callbacks`, `payloads`). Customers
are played through the control API under `/_sim/` (`control`, `inbound`), which also plans faults and reads the log.
Start it with `python -m syncer.simulators.whatsapp`, or in a test with `app.start(SimulatorConfig(...))`.
"""
