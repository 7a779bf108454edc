"""Field `user_preferences`: a customer told the platform what they think of our marketing (X4).

Source: page webhooks/reference/user_preferences. After `stop` every marketing template to them fails with 131050.
"""

from __future__ import annotations

from syncer.domain.consent import Word
from syncer.domain.notice import PreferenceChange, Unrecognised
from syncer.whatsapp.people import NAMED, bounded, person
from syncer.whatsapp.shapes import text
from syncer.whatsapp.told import Told

WORDS = {"stop": Word.REVOKED, "resume": Word.GRANTED, "signup": Word.GRANTED}


def read(told: Told) -> PreferenceChange | Unrecognised:
    """A word on marketing messages; the category was called `marketing` before it was `marketing_messages`."""
    category, said = text(told.body.get("category")).lower(), text(told.body.get("value")).lower()
    word, who = WORDS.get(said), person(told.body, told.contact, NAMED)
    if category and not category.startswith("marketing"):
        return Unrecognised(f"nothing is done with a preference about {bounded(category)}"[:200])
    if word is None or who is None:
        return Unrecognised("a preference that does not say who wants what")
    proof = f"user_preferences {told.item.item_id}: {bounded(text(told.body.get('detail')) or said)}"
    return PreferenceChange(told.item.phone_number_id, who, told.item.occurred_at, word, proof)
