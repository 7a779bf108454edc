"""A stand-in for graph.facebook.com as the WhatsApp Business Platform serves it (Cloud API, v25.0 shapes).

Messages are accepted or refused as the platform would (`sending`, `kinds`, `templates`, `limits`, `errors`), then live
on (`statuses`) and are told to the business by signed, batched, retried webhooks (`callbacks`, `payloads`). The account
has templates (`catalogue`, `components`, `lifecycle`), numbers (`numbers`, `registration`, `profile`), a telephone with
the WhatsApp Business App (`coexistence`), tokens, blocks and hourly limits (`gate`), and tells of all this (`notices`,
`template_events`). Customers and the platform's own people are played through the control API under `/_sim/`
(`control`, `inbound`, `account_control`), which also plans faults and reads the log.
Start it with `python -m syncer.simulators.whatsapp`, or in a test with `app.start(SimulatorConfig(...))`.
"""
