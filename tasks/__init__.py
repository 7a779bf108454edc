"""The Celery door: one short module per queue. A task is a doorbell; the work is a flow's."""
