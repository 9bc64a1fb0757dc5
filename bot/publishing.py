"""The address form of a number at Meta: its key uploaded, drafted, published. Never raises.

Every step may be done again: a form is found by its name, which names its number and its screens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from bot.client import answer, client
from flows.channels import Done
from flows.channels.forms import Published
from flows.forms import Publication
from models.types import Json

OPEN = ("PUBLISHED", "THROTTLED", "BLOCKED")
"""What Meta has and nobody can change any more."""
GIVEN_UP = "DEPRECATED"

Tell = Callable[[str], object]
"""Hears of each step, a line each."""


class _No(Exception):
    """A call that was not accepted: how publishing ended."""

    def __init__(self, done: Done) -> None:
        super().__init__(done.words)
        self.done = done


@dataclass(frozen=True, slots=True)
class _Listed:
    """A form as Meta lists it."""

    id: str
    name: str
    status: str
    endpoint: str


def publish(wanted: Publication, tell: Tell = lambda _: None) -> Done:
    """The number's key and form are at Meta, published; or how far it got, and why no further."""
    reached = Published()
    try:
        for reached in _steps(wanted, tell):  # noqa: B007 - the last one is what was reached
            pass
    except _No as no:
        return replace(no.done, form=reached)
    return Done("accepted", form=reached)


def _steps(wanted: Publication, tell: Tell) -> Iterator[Published]:
    _bring_key(wanted, tell)
    reached = Published(key_taken=True)
    yield reached
    listed = _forms(wanted)
    form = _drafted(wanted, listed, tell)
    reached = replace(reached, flow_id=form.id, version=wanted.version, endpoint=wanted.endpoint)
    yield replace(reached, state=form.status)
    _point(wanted, form, tell)
    if form.status not in OPEN:
        _upload(wanted, form, tell)
        _call(wanted, "POST", f"/{form.id}/publish")
        form = replace(form, status="PUBLISHED")
        tell(f"published: form {form.id}")
    else:
        tell(f"there already: form {form.id}, {form.status.lower()}")
    yield replace(reached, state=form.status)
    for old in listed:
        _put_away(wanted, old, form, tell)


# --- the key --------------------------------------------------------------------------------------


def _bring_key(wanted: Publication, tell: Tell) -> None:
    path = f"/{wanted.phone_number_id}/whatsapp_business_encryption"
    known = _call(wanted, "GET", path)
    told = known.get("data")
    facts = told[0] if isinstance(told, list) and told and isinstance(told[0], dict) else known
    same = str(facts.get("business_public_key") or "").split() == wanted.public_key.split()
    if same and facts.get("business_public_key_signature_status", "VALID") == "VALID":
        tell("there already: public key")
        return
    api = client(wanted.token).api
    _asked(lambda: api.set_business_public_key(wanted.phone_number_id, wanted.public_key))
    tell("uploaded: public key")


# --- the form -------------------------------------------------------------------------------------


def _forms(wanted: Publication) -> list[_Listed]:
    """Every form of this number, page after page; other people's are none of ours."""
    found: list[_Listed] = []
    query: dict[str, Any] = {"fields": "id,name,status,endpoint_uri", "limit": 100}
    while True:
        page = _call(wanted, "GET", f"/{wanted.waba_id}/flows", params=query)
        listed = page.get("data")
        for one in listed if isinstance(listed, list) else []:
            if isinstance(one, dict) and str(one.get("name", "")).startswith(f"{wanted.name}_"):
                facts = (one.get(key) for key in ("id", "name", "status", "endpoint_uri"))
                found.append(_Listed(*(str(fact or "") for fact in facts)))
        paging = page.get("paging") or {}
        after = (paging.get("cursors") or {}).get("after")
        if not after or not paging.get("next"):
            return found
        query["after"] = after


def _drafted(wanted: Publication, listed: list[_Listed], tell: Tell) -> _Listed:
    """The form with these screens: found, else made."""
    name = f"{wanted.name}_{wanted.version}"
    mine = {form.name: form for form in listed}
    for again in range(2, 100):
        found = mine.get(name)
        if found is None:
            break
        if found.status != GIVEN_UP:
            return found
        # Somebody gave it up at Meta, where no name is given twice.
        name = f"{wanted.name}_{wanted.version}_{again}"
    api = client(wanted.token).api
    made = _asked(
        lambda: api.create_flow(
            wanted.waba_id, name, (wanted.category,), endpoint_uri=wanted.endpoint
        )
    )
    tell(f"drafted: form {made.get('id')}")
    return _Listed(str(made.get("id")), name, "DRAFT", wanted.endpoint)


def _point(wanted: Publication, form: _Listed, tell: Tell) -> None:
    """Meta sends what is typed to this install."""
    if form.endpoint == wanted.endpoint:
        return
    api = client(wanted.token).api
    _asked(lambda: api.update_flow_metadata(form.id, endpoint_uri=wanted.endpoint))
    tell(f"pointed: form {form.id} to {wanted.endpoint}")


def _upload(wanted: Publication, form: _Listed, tell: Tell) -> None:
    api = client(wanted.token).api
    told = _asked(lambda: api.update_flow_json(form.id, wanted.flow_json))
    wrong = told.get("validation_errors")
    if isinstance(wrong, list) and wrong:
        first = wrong[0] if isinstance(wrong[0], dict) else {}
        words = str(first.get("message") or first.get("error") or wrong[0])[:500]
        raise _No(Done("refused", problem="form", words=words))
    tell(f"uploaded: screens {wanted.version}")


def _put_away(wanted: Publication, old: _Listed, form: _Listed, tell: Tell) -> None:
    """One with other screens: a draft is deleted, what was published is given up."""
    if old.id == form.id or old.status == GIVEN_UP:
        return
    api = client(wanted.token).api
    if old.status == "DRAFT":
        _asked(lambda: api.delete_flow(old.id))
    else:
        _asked(lambda: api.deprecate_flow(old.id))
    tell(f"put away: form {old.id}")


# --- one call -------------------------------------------------------------------------------------


def _call(wanted: Publication, method: str, path: str, **more: Any) -> Json:
    api = client(wanted.token).api
    return _asked(lambda: api.send_raw_request(method, path, **more))


def _asked(ask: Callable[[], Any]) -> Json:
    """What Meta answered; _No with how the call ended when it did not accept it."""
    ended, told = answer(ask)
    if ended.ending == "accepted":
        return told if isinstance(told, dict) else {}
    raise _No(Done(ended.ending, code=ended.code, words=ended.detail))
