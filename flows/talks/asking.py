"""Questions: prices, what there is, what delivery costs and takes, and the merchant's own."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from flows import catalog, delivery, places
from flows.catalog import Found, Offer
from flows.talks import browsing
from flows.talks.leaving import leave
from flows.talks.scene import ROWS, Scene, payload
from flows.understanding import Understood
from models import db
from models.search import words
from models.talk import Question

FEW = 6
DEAR = frozenset(words("cher chere chers ghali ghalia ghalya expensive غالي غاليه غالية"))
GENERAL = frozenset(
    words(
        "quoi catalogue produits produit articles article modeles modele collection choix"
        " promotions products items catalog what anything models chno chnou ach wach achno lkatalog"
        " المنتجات منتجات المنتوجات السلعة سلعة شنو ماذا الكتالوج موديلات الموديلات"
    )
)
"""Words of a question about all there is: "vous avez quoi ?", "شنو عندكم"."""


def price(scene: Scene, said: Understood) -> None:
    found = _spoken_of(scene, said) or _offered_before(scene)
    if not found and DEAR & set(words(scene.turn.heard)):
        leave(scene, "asked")  # no price is asked for: it is too high
        return
    if not found:
        browsing.show_products(scene, "price_which")
        scene.talk.step = "price_which"
        return
    lines = [
        scene.words("price_line", name=one.product.name, price=_price(scene, one)) for one in found
    ]
    scene.tell("price_is", lines="\n".join(lines))
    scene.did("price", products=[one.product.name for one in found])
    _offer_order(scene, found, _meant(found, said))


def price_of(scene: Scene, said: Understood) -> bool:
    """The answer to "the price of which product?"."""
    if not said.products:
        return False
    price(scene, said)
    return True


def _offered_before(scene: Scene) -> list[Found]:
    """What was spoken of just now: "how much is it?"."""
    product = scene.talk.facts.get("offered")
    found = catalog.offered([UUID(product)]) if product else {}
    return list(found.values())


def _meant(found: Sequence[Found], said: Understood) -> Offer | None:
    """The one version of the one product that was asked about."""
    if len(found) != 1:
        return None
    fitting = [o for o in found[0].offers if _fits(o.variant.options, _options(said))]
    return fitting[0] if len(fitting) == 1 else None


def _options(said: Understood) -> set[tuple[str, str]]:
    return {
        (entity.value.partition("=")[0], entity.value.partition("=")[2].casefold())
        for entity in said.entities
        if entity.kind == "variant"
    }


def _price(scene: Scene, found: Found) -> str:
    """One price, or each version's where they differ."""
    prices = {offer.variant.unit_price for offer in found.offers}
    if len(prices) == 1:
        return scene.amount(prices.pop())
    told = [f"{o.variant.label} {scene.amount(o.variant.unit_price)}" for o in found.offers[:FEW]]
    return ", ".join(told)


def availability(scene: Scene, said: Understood) -> None:
    found = _spoken_of(scene, said) or _offered_before(scene)
    if not found:
        general = GENERAL & set(words(scene.turn.heard)) or _options(said)
        browsing.show_products(scene, "catalogue" if general else "not_sold")
        return
    wanted = {line.sku: line.quantity for line in said.lines}
    chosen = _options(said)
    meant = [_tell_available(scene, one, wanted, chosen) for one in found]
    scene.reply = None
    scene.did("availability", products=[one.product.name for one in found])
    _offer_order(scene, found, meant[0] if len(found) == 1 else None)


def _tell_available(
    scene: Scene, found: Found, wanted: dict[str, int], chosen: set[tuple[str, str]]
) -> Offer | None:
    """Says what there is; the one version that was meant and is there."""
    meant = [
        offer
        for offer in found.offers
        if offer.variant.sku in wanted or _fits(offer.variant.options, chosen)
    ]
    there = [
        offer
        for offer in meant or found.offers
        if browsing.has_some(offer, wanted.get(offer.variant.sku, 1))
    ]
    whole = len(meant) == 1 or len(found.offers) == 1
    shown = (meant or found.offers)[0].variant.name if whole else found.product.name
    cost = browsing.price_range(scene, found.product)
    if not there:
        scene.note("not_available", name=shown)
        others = [o for o in found.offers if o not in meant and browsing.has_some(o)]
        there, whole, shown = others, False, found.product.name
    if not there:
        return None
    if whole:
        scene.note("available", name=shown, price=scene.amount(there[0].variant.unit_price))
        return there[0]
    options = ", ".join(offer.variant.label for offer in there)
    scene.note("available_some", name=shown, options=options, price=cost)
    return None


def _fits(options: dict[str, object], chosen: set[tuple[str, str]]) -> bool:
    """Whether this version has every option that was named, and one was."""
    own = {(name, str(value).casefold()) for name, value in options.items()}
    named = {pair for pair in chosen if pair[0] in options}
    return bool(named) and named <= own


def _spoken_of(scene: Scene, said: Understood) -> list[Found]:
    found = browsing.named(said.products[:FEW])
    return [found[name] for name in said.products[:FEW] if name in found]


def _offer_order(scene: Scene, found: Sequence[Found], meant: Offer | None = None) -> None:
    """A button for what was asked about, so that a tap goes on."""
    there = any(browsing.has_some(offer) for one in found for offer in one.offers)
    if scene.bot.order_rule == "none" or not there or not scene.cart.empty:
        return
    before, deed, facts = scene.reply, scene.turn.did, scene.turn.facts
    reply = scene.ask("order_it", "order_it")
    only = found[0].product.id if len(found) == 1 else None
    scene.keep(offered=str(only or ""), meant=str(meant.variant.id) if meant else "")
    if before is not None:
        reply.text = f"{before.text}\n\n{reply.text}"
    label = scene.words("order_this")
    if meant is not None:
        reply.buttons = {payload("variant", meant.variant.id): label}
    elif only is not None:
        reply.buttons = {payload("order", only): label}
    else:
        reply.buttons = {payload("order", one.product.id): one.product.name for one in found}
        reply.details = {
            payload("order", one.product.id): browsing.price_range(scene, one.product)
            for one in found
        }
    reply.opens = label
    scene.turn.did, scene.turn.facts = deed, facts


# --- delivery -------------------------------------------------------------------------------------


def delivery_cost(scene: Scene, said: Understood) -> None:
    city = said.city or scene.cart.city
    if not city:
        scene.ask("cost_city", "delivery_cost_which")
        scene.did("asked_city")
        return
    tell_cost(scene, city)


def tell_cost(scene: Scene, city: str) -> None:
    quote = delivery.quote(city)
    name = city_name(scene, city)
    if quote.fee == 0:
        scene.tell("delivery_cost_zero", city=name)
    elif quote.free_above:
        free = scene.amount(quote.free_above)
        scene.tell("delivery_cost_free", city=name, fee=scene.amount(quote.fee), free_above=free)
    else:
        scene.tell("delivery_cost", city=name, fee=scene.amount(quote.fee))
    scene.did("delivery_cost", city=city)


def city_name(scene: Scene, city: str) -> str:
    """A city in the letters the customer writes."""
    place = places.find(city, scene.merchant.country)
    if place is None:
        return city
    return place.arabic if scene.language == "ar" else place.name


def cost_city(scene: Scene, said: Understood) -> bool:
    """The answer to "which city?"."""
    if not said.city:
        return False
    tell_cost(scene, said.city)
    return True


def delivery_time(scene: Scene, said: Understood) -> None:
    first, last = scene.bot.days_from, scene.bot.days_until
    if first is None:
        if not answer_question(scene, said):
            leave(scene, "asked", key="delivery_time_unknown")
        return
    if last is None or last == first:
        scene.tell("delivery_time_one", first=first)
    else:
        scene.tell("delivery_time", first=first, last=last)
    scene.did("delivery_time")


# --- the merchant's own answers -------------------------------------------------------------------


def answer_question(scene: Scene, said: Understood) -> bool:
    """The merchant's answer to what was asked, when its words were used."""
    heard = f" {' '.join(words(scene.turn.heard))} "
    best = max(
        ((_weight(question, heard), question) for question in _questions()),
        key=lambda pair: pair[0],
        default=(0, None),
    )
    if best[1] is None or best[0] == 0:
        return False
    tell_answer(scene, best[1])
    return True


def _weight(question: Question, heard: str) -> int:
    """The length of the longest keyword that was said, as whole words."""
    said = (" ".join(words(keyword)) for keyword in question.keywords)
    return max((len(keyword) for keyword in said if keyword and f" {keyword} " in heard), default=0)


def _questions() -> Sequence[Question]:
    wanted = select(Question).where(Question.active).order_by(Question.position, Question.id)
    return db.session().scalars(wanted).all()


def tell_answer(scene: Scene, question: Question) -> None:
    answers = question.answers
    order = (scene.language, {"darija": "ar"}.get(scene.language, ""), scene.merchant.language)
    text = next((answers[name] for name in (*order, "fr", "ar", "en") if answers.get(name)), "")
    scene.tell("price_is", lines=text)
    scene.did("question", question=question.name)


def show_questions(scene: Scene) -> None:
    listed = _questions()[:ROWS]
    if not listed:
        leave(scene, "human", key="questions_none")
        return
    reply = scene.tell("questions")
    reply.buttons = {payload("question", one.id): one.name for one in listed}
    reply.details = {payload("question", one.id): "" for one in listed}
    reply.opens = scene.words("questions_button")
    scene.did("questions")


def chosen_question(scene: Scene, question_id: UUID | None) -> None:
    wanted = select(Question).where(Question.id == question_id, Question.active)
    question = db.session().scalars(wanted).first()
    if question is None:
        show_questions(scene)
    else:
        tell_answer(scene, question)
