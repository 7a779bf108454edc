"""Celery's settings: data only, the reason beside each value. The broker's address comes from `config.settings`.

What stands behind most of them: Celery on Redis delivers at least once, minus a hole - between taking a message off the
list and noting it as unacknowledged a killed worker loses it, whatever is set here. The database is the truth; a
message is a doorbell that may be lost (docs/architecture.md, law 2).
"""

from kombu import Exchange, Queue

# Queues: one per kind of work, each with its own worker processes. Redis has no priorities worth the name; only
# separate processes keep a live reply from waiting behind a campaign (law 11).
task_queues = [
    # Each its own exchange: queues declared without one all bind to the default exchange and key.
    Queue(name, Exchange(name), routing_key=name)
    for name in ("realtime", "crm", "send", "sync", "upkeep")
]
task_default_queue = "upkeep"  # a task that somebody forgot to route must not delay a customer
task_default_exchange = "upkeep"
task_default_routing_key = "upkeep"
task_create_missing_queues = False  # a misspelt queue name fails loudly instead of filling a list nobody reads
task_routes = {
    "tasks.realtime.*": {"queue": "realtime"},
    "tasks.crm.*": {"queue": "crm"},
    "tasks.send.*": {"queue": "send"},
    "tasks.sync.*": {"queue": "sync"},
    "tasks.upkeep.*": {"queue": "upkeep"},
}
imports = ("tasks.realtime", "tasks.crm", "tasks.send", "tasks.sync", "tasks.upkeep", "tasks.sweeper")

# Beat: two beats ring twice, and the lease in the database lets one run begin; no beat at all, and the sync worker's
# own sweeper begins the run that is late. 600 s: R25, every 10 to 15 minutes. A ring not heard by the next one is void.
beat_schedule = {
    "full-contact-sync": {"task": "tasks.sync.sync_all_contacts", "schedule": 600.0, "options": {"expires": 540}},
    # Once a minute; the task knows from `changed_every_seconds` whether that is now, and leaves a full run alone.
    "changed-contacts": {"task": "tasks.sync.sync_changed_contacts", "schedule": 60.0, "options": {"expires": 50}},
    # Every three minutes: a number that is restricted without a notice should not go unnoticed for longer (R12), and 20
    # questions an hour are nothing beside the 200 that an account may ask at least.
    "check-numbers": {"task": "tasks.upkeep.check_numbers", "schedule": 180.0, "options": {"expires": 150}},
    # Between two readings the platform's notices keep the templates true; a reading heals what they missed (R13).
    "read-templates": {"task": "tasks.upkeep.read_templates", "schedule": 600.0, "options": {"expires": 540}},
    # Zoho's channels live for a week and are renewed when less than four days are left, so that a beat may be dead for
    # days; most rings cost one question. Soon after the first start, as nothing is told before.
    "renew-channels": {"task": "tasks.upkeep.renew_channels", "schedule": 900.0, "options": {"expires": 840}},
    # Once a day: it looks through all contacts, for some twenty seconds per 100,000.
    "look-for-doubles": {
        "task": "tasks.upkeep.look_for_doubles",
        "schedule": 86400.0,
        "options": {"expires": 43200},
    },
    "housekeeping": {"task": "tasks.upkeep.housekeeping", "schedule": 3600.0, "options": {"expires": 3000}},
}
beat_max_loop_interval = 5  # seconds; a beat that lost its connection notices soon

# Acknowledgement: after the work, and given back when the process dies. A redelivered doorbell finds the rows claimed
# or done and does nothing. A task that fails is acknowledged too: failure is a state of the row, not of the queue.
task_acks_late = True
task_reject_on_worker_lost = True
worker_prefetch_multiplier = 1  # nothing waits in a busy worker's memory while another is idle
worker_cancel_long_running_tasks_on_connection_loss = False  # cutting a POST short would make its outcome unknown

# Results: none. A result backend costs 17 % of the rate and leaks subscriptions; outcomes are in the database.
task_ignore_result = True
task_store_errors_even_if_ignored = False

# Messages: ids as JSON, nothing that can be unpickled.
task_serializer = "json"
accept_content = ["json"]

# Redis, workers' side. visibility_timeout: longest task (a full sync lives by its lease, its doorbell is a no-op when
# redelivered) - 120 s; restore sweeps every 5 s instead of every 100 s, so a killed worker's messages come back soon.
broker_transport_options = {
    "visibility_timeout": 120,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "health_check_interval": 10,
    "socket_timeout": 5,  # must exceed the 1 s of the blocking pop
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "global_keyprefix": "syncer:",  # the database may be shared; the keys are not
}
broker_connection_retry_on_startup = True
broker_connection_max_retries = None  # for ever: a worker that gave up would look alive and do nothing
broker_pool_limit = 10

# Redis, publishers' side: kombu's default waits for ever on a stalled server. Bounded, a ring fails within 0.3 s, and a
# failed ring is only a log line: the sweeper finds the row.
publisher_transport_options = {
    "socket_timeout": 0.25,
    "socket_connect_timeout": 0.25,
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    "global_keyprefix": "syncer:",
}
task_publish_retry = False

# Worker life.
worker_soft_shutdown_timeout = 10  # SIGTERM: finish what runs; must be below the supervisor's patience
worker_enable_soft_shutdown_on_idle = True
worker_eta_task_limit = (
    200  # a guard: nothing here uses ETA or countdown (law 9), they are redelivered and held in memory
)
worker_hijack_root_logger = False  # config/logging.py is the one configuration
worker_send_task_events = True  # Flower; doorbells are few because they coalesce, so the events cost little
task_send_sent_event = False
timezone = "UTC"
