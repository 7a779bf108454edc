"""A number used with the WhatsApp Business app besides us: what was typed there, its history, its address book.

Source: the pages webhooks/reference/smb_message_echoes, history and smb_app_state_sync.
"""

from __future__ import annotations

from syncer.domain.message import Direction, PastMessage, Sender
from syncer.domain.notice import AddressBookEntry, Unrecognised
from syncer.whatsapp.people import FROM, TO, bounded, person
from syncer.whatsapp.readable import kind_of, medium_of, quoted, readable
from syncer.whatsapp.shapes import dialled, digits, identifier, mapping, phone, plain, text
from syncer.whatsapp.told import Told

APP = "app"
HISTORY = "history"


def echo(told: Told) -> PastMessage | Unrecognised:
    """What an agent typed in the app. An edit and a revocation are messages of that kind which name the original in
    `reply_to`."""
    return _past(told, Direction.OUT, APP)


def history(told: Told) -> PastMessage | Unrecognised:
    """A message of a thread; its direction is told by who sent it, its person by whose thread it is."""
    return _past(told, _direction(told), HISTORY, person({}, told.contact))


def history_received(told: Told) -> PastMessage | Unrecognised:
    """The file of a message in the history that a customer sent; it comes on its own, after the message."""
    return _past(told, Direction.IN, HISTORY)


def history_sent(told: Told) -> PastMessage | Unrecognised:
    """The file of a message in the history that the business sent."""
    return _past(told, Direction.OUT, HISTORY)


def progress(told: Told) -> Unrecognised:
    """How far the history has come, or whatever else stands beside the threads."""
    far = mapping(told.body.get("metadata"))
    return Unrecognised(f"nothing is done with {told.item.kind} {bounded(plain(far))}".strip()[:200])


def address_book(told: Told) -> AddressBookEntry | Unrecognised:
    """A contact of the app's address book: added or changed. One that was removed is still our customer."""
    action, contact = text(told.body.get("action")), mapping(told.body.get("contact"))
    if action != "add":
        return Unrecognised(f"nothing is done with an address book's {bounded(action)[:32] or 'nameless action'}")
    number, user_id = dialled(contact.get("phone_number")), identifier(contact.get("user_id"))
    if number is None and user_id is None:
        return Unrecognised("an entry of the address book without phone and user id")
    name = text(contact.get("full_name")) or text(contact.get("first_name")) or text(contact.get("username"))
    who = Sender(number, user_id, bounded(name) or None)
    return AddressBookEntry(told.item.phone_number_id, who, told.item.occurred_at)


def _past(told: Told, direction: Direction, origin: str, known: Sender | None = None) -> PastMessage | Unrecognised:
    who = known or person(told.body, told.contact, TO if direction is Direction.OUT else FROM)
    if who is None:
        return Unrecognised("a past message that does not say with whom it was exchanged")
    kind = kind_of(told.body)
    return PastMessage(
        phone_number_id=told.item.phone_number_id,
        wamid=told.item.item_id,
        direction=direction,
        person=who,
        at=told.item.occurred_at,
        kind=kind,
        text=readable(kind, told.body),
        origin=origin,
        reply_to=quoted(kind, told.body),
        raw=told.item.payload,
        medium=medium_of(kind, told.body),
    )


def _direction(told: Told) -> Direction:
    """`from` is the business or the customer; `to` stands only beside what the business sent."""
    sender, business = digits(told.body.get("from")), digits(told.metadata.get("display_phone_number"))
    customer = digits(told.contact.get("wa_id"))
    if sender and sender in (business, customer):
        return Direction.OUT if sender == business else Direction.IN
    elsewhere = phone(told.body.get("to")) or identifier(told.body.get("to_user_id"))
    stranger = sender and customer and not business
    return Direction.OUT if elsewhere or stranger else Direction.IN
