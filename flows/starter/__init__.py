"""Ready-made templates of a shop that is paid on delivery: previewed, then submitted at once.

texts: what they say, as data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from babel.numbers import format_currency
from sqlalchemy import select

from flows import templates
from flows.errors import Invalid
from flows.starter.texts import LANGUAGES, READY, Ready
from flows.templates import Form, FormButton
from models import db
from models.merchant import Merchant
from models.template import MessageTemplate
from models.types import Money

EXAMPLE_AMOUNT = 35000

__all__ = ["LANGUAGES", "Offer", "offers", "submit"]


@dataclass(frozen=True, slots=True)
class Offer:
    """One of the set in one language; `template` is what the account has under its name."""

    ready: Ready
    language: str
    form: Form
    template: MessageTemplate | None


def offers(account: str) -> list[Offer]:
    """The whole set, by template and then by language."""
    merchant = db.session().get_one(Merchant, db.session().merchant_id)
    known = {(t.name, t.language): t for t in _known(account)}
    return [
        Offer(ready, language, _form(ready, language, account, merchant), found)
        for ready in READY
        for language in LANGUAGES
        for found in [known.get((ready.name, language))]
    ]


def submit(account: str, languages: Iterable[str]) -> int:
    """What the account does not have in these languages is on its way to Meta; how many.

    A name the account has already is left alone, so that twice is once.
    """
    wanted, count = set(languages), 0
    db.session().get_one(  # a double click waits, and then finds them all
        Merchant, db.session().merchant_id, with_for_update={"key_share": True}
    )
    for offer in offers(account):
        if offer.template is None and offer.language in wanted:
            _submit(offer.form)
            count += 1
    return count


def _submit(form: Form) -> None:
    try:
        with db.savepoint():
            templates.submit(templates.save(form), form)
    except Invalid as wrong:
        if set(wrong.fields) != {"footer"}:
            raise
        plain = replace(form, footer="")  # a shop's name may hold what WhatsApp takes in no footer
        templates.submit(templates.save(plain), plain)


def _known(account: str) -> Iterable[MessageTemplate]:
    names = [ready.name for ready in READY]
    mine = select(MessageTemplate).where(
        MessageTemplate.waba_id == account,
        MessageTemplate.name.in_(names),
        MessageTemplate.state != "deleted",
    )
    return db.session().scalars(mine)


def _form(ready: Ready, language: str, account: str, merchant: Merchant) -> Form:
    text = ready.texts[language]
    amount = Money(EXAMPLE_AMOUNT, merchant.currency).decimal
    shown = format_currency(amount, merchant.currency, locale=language, numbering_system="latn")
    values = {"1": text.customer, "2": "1042", "3": shown}
    return Form(
        account=account,
        name=ready.name,
        language=language,
        category="utility",
        header="text" if text.header else "none",
        header_text=text.header,
        body=text.body,
        footer=merchant.name[:60],
        examples={f"body.{n}": values[str(n)] for n in range(1, ready.blanks + 1)},
        buttons=tuple(FormButton("quick_reply", word) for word in text.buttons),
    )
