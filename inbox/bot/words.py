"""The bot's codes in human words: what it did, why it stepped aside, which rule decided."""

from __future__ import annotations

from typing import NamedTuple

from flows.errors import N_ as N_
from flows.talks.teaching import INTENTS as TAUGHT


class Deed(NamedTuple):
    """What a turn did, said so that it can stand alone; green helped, orange called a person."""

    text: str
    icon: str = "reply"
    color: str = "gray"


DEEDS: dict[str, Deed] = {
    "menu": Deed(N_("Showed the menu")),
    "catalogue": Deed(N_("Showed the products")),
    "product": Deed(N_("Showed a product")),
    "price": Deed(N_("Told the price"), color="green"),
    "availability": Deed(N_("Told what is there"), color="green"),
    "delivery_cost": Deed(N_("Told what delivery costs"), color="green"),
    "delivery_time": Deed(N_("Told how long delivery takes"), color="green"),
    "questions": Deed(N_("Showed the questions")),
    "question": Deed(N_("Gave your own answer"), color="green"),
    "thanked": Deed(N_("Answered a thank-you")),
    "said_nothing": Deed(N_("Kept silent"), "minus"),
    "asked_product": Deed(N_("Asked what they want"), "question", "blue"),
    "asked_variant": Deed(N_("Asked which one"), "question", "blue"),
    "asked_quantity": Deed(N_("Asked how many"), "question", "blue"),
    "asked_name": Deed(N_("Asked for the name"), "question", "blue"),
    "asked_phone": Deed(N_("Asked for the phone number"), "question", "blue"),
    "asked_city": Deed(N_("Asked for the city"), "question", "blue"),
    "asked_address": Deed(N_("Asked for the address"), "question", "blue"),
    "asked_form": Deed(N_("Asked for the address with a form"), "question", "blue"),
    "asked_known_address": Deed(N_("Asked whether the address is still right"), "question", "blue"),
    "asked_change": Deed(N_("Asked what changes"), "question", "blue"),
    "asked_confirm": Deed(N_("Asked with buttons, to be sure"), "question", "blue"),
    "asked_cancel": Deed(N_("Asked whether to cancel"), "question", "blue"),
    "asked_day": Deed(N_("Asked for another day"), "question", "blue"),
    "summary": Deed(N_("Showed the order to confirm"), "receipt", "blue"),
    "ordered": Deed(N_("Took an order"), "cart", "green"),
    "drafted": Deed(N_("Put an order together for an agent"), "cart", "green"),
    "dropped": Deed(N_("Dropped the half-done order"), "x"),
    "moved": Deed(N_("Moved the order on"), "board", "green"),
    "cancelled": Deed(N_("Cancelled the order"), "board", "green"),
    "kept": Deed(N_("Kept the order")),
    "address_changed": Deed(N_("Changed the address of the order"), "pin", "green"),
    "delivery_again": Deed(N_("Had the order delivered again"), "truck", "green"),
    "told_where": Deed(N_("Told where the order is"), "truck", "green"),
    "which_order": Deed(N_("Asked which order"), "question", "blue"),
    "no_orders": Deed(N_("Found no order")),
    "handed_over": Deed(N_("Called a person"), "assign", "orange"),
    "not_understood": Deed(N_("Did not understand"), "question", "red"),
}

INTENTS = TAUGHT | {
    "stop": N_("Wants no advertising"),
    "start": N_("Wants messages again"),
    "other": N_("Something else"),
}

STEPS = {
    "product": N_("what they want"),
    "variant": N_("which one"),
    "quantity": N_("how many"),
    "name": N_("the name"),
    "phone": N_("the phone number"),
    "known_address": N_("whether the address is right"),
    "city": N_("the city"),
    "address": N_("the address"),
    "form": N_("the address, with a form"),
    "summary": N_("to confirm the order"),
    "changing": N_("what changes"),
    "cost_city": N_("the city"),
    "order_it": N_("whether to order it"),
    "order_number": N_("the order number"),
    "failure": N_("what to do after a failed delivery"),
    "failure_day": N_("another day"),
    "failure_address": N_("another address"),
    "cancel_sure": N_("whether to cancel"),
    "confirm_which": N_("what becomes of the order"),
}
"""What the bot had asked before, as in "it had asked: the city"."""

LANGUAGES = {
    "fr": N_("French"),
    "ar": N_("Arabic"),
    "darija": N_("Darija"),
    "en": N_("English"),
}

ENTITIES = {
    "product": (N_("Product"), "green"),
    "variant": (N_("Version"), "purple"),
    "quantity": (N_("Quantity"), "blue"),
    "city": (N_("City"), "orange"),
    "address": (N_("Address"), "orange"),
    "phone": (N_("Phone"), "yellow"),
    "time": (N_("Day or hour"), "yellow"),
    "order_number": (N_("Order number"), "red"),
}
"""What was found in a text: its word and its colour."""

RULES = {
    "tap": N_("A button was tapped"),
    "nothing": N_("No word that it knows"),
    "yes": N_("A yes"),
    "no": N_("A no"),
    "yes and no": N_("A yes and a no at once"),
    "yes, but <time>": N_("A yes, but on another day"),
    "yes, but <city>": N_("A yes, but in another city"),
    "yes, but <number>": N_("A yes, but something else is wanted"),
    "yes, on a condition": N_("A yes on a condition"),
    "yes, no objection": N_("No objection"),
    "no, after a sound": N_("A no"),
    "not to be cancelled": N_("It shall not be cancelled"),
    "cancel … <product>": N_("One product is not wanted"),
    "ordered before": N_("What was ordered before"),
    "no, with a thing that is wanted": N_("A no, and something else that is wanted"),
    "a product with a question mark": N_("A product with a question mark"),
    "order: a product": N_("A product was named"),
    "consents": N_("A word that ends advertising, or begins it"),
}
"""Rules of flows/understanding that are no cue: the whole, or what stands before its colon."""

CONCEPTS = {
    "parcel": N_("the parcel"),
    "deliver": N_("delivery"),
    "want": N_("wanting"),
    "exists": N_("being there"),
    "where": N_("where"),
    "when": N_("when"),
    "wslat": N_("arriving"),
    "arrive": N_("arriving"),
    "change": N_("changing"),
    "howmuch": N_("how much"),
    "bhowmuch": N_("how much"),
    "howlong": N_("how long"),
    "take": N_("taking"),
    "human": N_("a person"),
    "address": N_("an address"),
    "call": N_("calling"),
    "wrongly": N_("something wrong"),
    "talk": N_("talking"),
    "giveback": N_("giving back"),
    "have": N_("having"),
    "free": N_("free of charge"),
    "cost": N_("the price"),
    "late": N_("being late"),
    "cancel": N_("cancelling"),
    "broken": N_("something broken"),
    "angry": N_("anger"),
    "product": N_("a product"),
    "option": N_("a colour or size"),
    "city": N_("a city"),
    "number": N_("a number"),
    "time": N_("a day or an hour"),
    "duration": N_("a duration"),
    "phone": N_("a phone number"),
    "order_number": N_("an order number"),
}
"""What the cues of flows/understanding are made of: {where} … {parcel}, <product>."""

MENU = {
    "order": N_("Place an order"),
    "catalogue": N_("See the products"),
    "parcel": N_("Where is my order"),
    "questions": N_("Frequent questions"),
    "human": N_("Talk to a person"),
}

ORDER_RULES = {
    "draft": (
        N_("It puts the order together, your team accepts it"),
        N_("The order waits beside the conversation; one key makes it an order."),
    ),
    "order": (
        N_("The customer’s confirmation makes it an order"),
        N_("It enters the first stage by itself; stock rules hold."),
    ),
    "none": (
        N_("It takes no orders"),
        N_("Whoever wants to order is handed over to your team."),
    ),
}

FORMS = {
    "none": (N_("Not published"), "gray"),
    "drafted": (N_("Not published yet"), "orange"),
    "published": (N_("Published"), "green"),
    "throttled": (N_("Slowed down by Meta"), "orange"),
    "blocked": (N_("Blocked by Meta"), "red"),
    "deprecated": (N_("Withdrawn"), "gray"),
}
"""How the address form stands at Meta."""

TEXTS = {
    "greeting": (N_("Greeting"), N_("When a customer says hello.")),
    "ask_product": (
        N_("What would you like?"),
        N_("When somebody wants to order, above the list."),
    ),
    "drafted": (N_("Order noted"), N_("The order waits for your team.")),
    "ordered": (N_("Order taken"), N_("The customer has confirmed the summary.")),
    "confirmed": (
        N_("Order confirmed"),
        N_("After a written yes to the question of an automation."),
    ),
    "refused": (N_("Order refused"), N_("After a written no to the question of an automation.")),
    "postponed": (N_("Order postponed"), N_("After a written “later”.")),
    "handed_over": (N_("Handed over"), N_("A person will answer.")),
    "complaint": (N_("Complaint"), N_("Something went wrong; a person is called at once.")),
    "not_understood": (N_("Not understood"), N_("Above the menu, the first time.")),
    "welcome": (N_("You are welcome"), N_("After a thank-you.")),
}

BLANKS = {
    "name": N_("first name"),
    "shop": N_("name of your shop"),
    "number": N_("order number"),
    "total": N_("what is to be paid"),
}

SHOWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "all": (N_("All"), ()),
    "orders": (N_("Orders"), ("ordered", "drafted")),
    "moves": (
        N_("Moved orders"),
        ("moved", "cancelled", "address_changed", "delivery_again"),
    ),
    "handed": (N_("Handed over"), ("handed_over",)),
    "missed": (N_("Not understood"), ("not_understood",)),
}
"""Filters of the transcripts: their words, and what a turn did to be among them."""
