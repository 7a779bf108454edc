"""States of the rows that workers claim: the inbox, the outgoing messages, the CRM writes."""

from __future__ import annotations

from enum import StrEnum


class WorkState(StrEnum):
    """An inbox item or a CRM write."""

    PENDING = "pending"  #: ready to be claimed
    CLAIMED = "claimed"  #: a worker holds it, until it settles, dies or lets its lease run out
    WAITING = "waiting"  #: its time stands in the due-table
    DONE = "done"
    IGNORED = "ignored"  #: understood, and nothing to do; the reason is kept
    DEAD = "dead"  #: a person must look; a dead letter exists


class SendState(StrEnum):
    """An outgoing message on its way to the platform (law 6). What happens after acceptance is on the status ladder."""

    PLANNED = "planned"
    CLAIMED = "claimed"  #: a worker holds it and has not asked the platform yet: if it dies, nothing has happened
    SENDING = "sending"  #: committed just before the request leaves: if the worker dies, it may have happened
    WAITING = "waiting"  #: its time stands in the due-table
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"  #: it may have been accepted; evidence decides
    FAILED = "failed"
    SKIPPED = "skipped"  #: our own rules said no at the moment of sending; the reason is kept


class Subject(StrEnum):
    """What a row of the due-table or a dead letter is about."""

    INBOX = "inbox"
    OUTGOING = "outgoing"
    CRM_WRITE = "crm_write"
    CRM_NOTICE = "crm_notice"
    HOOK_DELIVERY = "hook_delivery"
    MEDIA = "media"
