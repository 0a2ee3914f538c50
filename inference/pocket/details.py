"""What a generated message names, as the JSON that `presets.DETAILS` asks for."""

import json

from inference.pocket.moods import Message

KEYS = ("order", "product", "amount")
_ACTIONS = {
    "track": ("order_status", "late_delivery", "lost_parcel", "delivery_missed"),
    "cancel": ("cancel_order", "cancel_booking", "delete_account"),
    "change": ("change_order", "change_address", "change_booking", "change_email"),
    "refund": ("refund", "refund_status", "double_charge", "unknown_charge"),
    "return": ("return_item",),
    "exchange": ("exchange", "wrong_item", "damaged_item"),
    "complain": ("complaint", "angry_about_order", "insult", "threat_to_leave"),
}
_UNSETTLED = {"subscription", "contract"}  # to begin, to change or to end one
_ACTION_OF = {intent: action for action, intents in _ACTIONS.items() for intent in intents}


def details(message: Message) -> str | None:
    """The JSON object in one line; None where the message does not settle it."""
    if message.intent in {None, *_UNSETTLED}:
        return None
    if "order2" in message.facts or "product2" in message.facts:
        return None
    named = {key: message.facts.get(key) for key in KEYS}
    if any(value is not None and value not in message.text for value in named.values()):
        return None
    return json.dumps(
        named | {"action": _ACTION_OF.get(message.intent, "other")}, ensure_ascii=False
    )
