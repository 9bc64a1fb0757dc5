"""Numbers and accounts at Meta: looked at, subscribed, profile and form changed. Never raises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bot.client import answer, client
from bot.publishing import publish
from bot.submissions import sample
from flows.channels import NEEDED, Done, Facts, Task
from flows.forms import Publication
from models.types import Json

NUMBER = (
    "display_phone_number,verified_name,quality_rating,status,name_status,throughput,"
    "whatsapp_business_manager_messaging_limit,platform_type,is_on_biz_app"
)
ACCOUNT = "name,currency,account_review_status"
PROFILE = "about,address,description,email,websites,profile_picture_url"
NO_SUCH_THING = (33, 100, 803)
"""Graph's codes for what does not exist, or is not shown to this token."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What Meta answered; `no`: how the call ended, when it was no answer."""

    body: Json
    no: Done | None = None


def carry_out(task: Task) -> Done:
    """One errand, once; each of them may be run again."""
    return ACTS[task.act](task)


# --- looking --------------------------------------------------------------------------------------


def _look(task: Task) -> Done:
    """What Meta says of the number, its account and the token; webhooks are subscribed.

    That the token opens the number, and that it belongs to the account, is needed; of the rest,
    what Meta does not tell stays unknown.
    """
    token = _get(task, "/debug_token", input_token=task.token)
    if ended := _no_token(token):
        return ended
    number = _get(task, f"/{task.phone_number_id}", fields=NUMBER)
    if number.no:
        return _unless_there(number.no, "not_found")
    account = _get(task, f"/{task.waba_id}", fields=ACCOUNT)
    listed = _get(task, f"/{task.waba_id}/phone_numbers", fields="id", limit=100)
    if ended := account.no or listed.no:
        return _unless_there(ended, "account_unknown")
    if task.phone_number_id not in [str(one.get("id")) for one in _list(listed.body)]:
        return Done("refused", problem="not_in_account")
    return _found(task, token, number.body, account.body)


def _found(task: Task, token: _Answer, number: Json, account: Json) -> Done:
    profile = _get(task, f"/{task.phone_number_id}/whatsapp_business_profile", fields=PROFILE)
    told = next(iter(_list(profile.body)), {})
    found = replace(
        _facts(number, account),
        missing=_missing(token),
        expires_at=_expiry(token),
        payment=_payment(task),
        subscribed=_subscribe(task),
        photo=None if profile.no else bool(told.get("profile_picture_url")),
    )
    return Done("accepted", found, None if profile.no else told)


def _facts(number: Json, account: Json) -> Facts:
    throughput = number.get("throughput")
    level = throughput.get("level") if isinstance(throughput, dict) else None
    return Facts(
        display=_text(number.get("display_phone_number")),
        status=_text(number.get("status")),
        quality=_text(number.get("quality_rating")),
        limit=_text(number.get("whatsapp_business_manager_messaging_limit")),
        throughput=_text(level),
        verified_name=_text(number.get("verified_name")),
        name_status=_text(number.get("name_status")),
        platform=_text(number.get("platform_type")),
        on_phone=_flag(number.get("is_on_biz_app")),
        account=_text(account.get("name")),
        account_currency=_text(account.get("currency")),
        review=_text(account.get("account_review_status")),
    )


def _no_token(token: _Answer) -> Done | None:
    """Meta shows what a token is worth to some kinds of tokens only: a no may mean nothing."""
    if token.no and not (token.no.ending == "refused" and token.no.code not in (0, 190)):
        return token.no
    return Done("refused", problem="token") if _worth(token).get("is_valid") is False else None


def _worth(token: _Answer) -> Json:
    facts = token.body.get("data")
    return facts if isinstance(facts, dict) else {}


def _missing(token: _Answer) -> list[str] | None:
    scopes = _worth(token).get("scopes")
    return [one for one in NEEDED if one not in scopes] if isinstance(scopes, list) else None


def _expiry(token: _Answer) -> int | None:
    expires = _worth(token).get("expires_at")
    return expires if isinstance(expires, int) else None


def _payment(task: Task) -> bool | None:
    """Meta names the means of payment only where there is one, and not to every token."""
    answer = _get(task, f"/{task.waba_id}", fields="primary_funding_id")
    return None if answer.no else bool(answer.body.get("primary_funding_id"))


def _subscribe(task: Task) -> bool:
    """The account's webhooks come to the token's app; asking again changes nothing."""
    api = client(task.token).api
    path = f"/{task.waba_id}/subscribed_apps"
    return _asked(lambda: api.send_raw_request("POST", path)).no is None


# --- the profile ----------------------------------------------------------------------------------


def _change_profile(task: Task) -> Done:
    told: Json = {"messaging_product": "whatsapp", **task.facts}
    if task.upload is not None:
        uploaded = _asked(lambda: sample(task.token, task.upload))
        if uploaded.no:
            return uploaded.no
        told["profile_picture_handle"] = uploaded.body.get("h")
    api = client(task.token).api
    path = f"/{task.phone_number_id}/whatsapp_business_profile"
    ended = _asked(lambda: api.send_raw_request("POST", path, json=told))
    return ended.no or Done("accepted")


# --- the address form -----------------------------------------------------------------------------


def _publish_form(task: Task) -> Done:
    number = {"phone_number_id": task.phone_number_id, "waba_id": task.waba_id, "token": task.token}
    return publish(Publication.of(task.facts, **number))


ACTS: dict[str, Callable[[Task], Done]] = {
    "look": _look,
    "profile": _change_profile,
    "form": _publish_form,
}


# --- one call -------------------------------------------------------------------------------------


def _get(task: Task, path: str, **query: Any) -> _Answer:
    api = client(task.token).api
    return _asked(lambda: api.send_raw_request("GET", path, params=query))


def _asked(ask: Callable[[], Any]) -> _Answer:
    ended, told = answer(ask)
    if ended.ending == "accepted":
        return _Answer(told if isinstance(told, dict) else {})
    problem = "media" if ended.code == 131053 else None
    return _Answer({}, Done(ended.ending, problem=problem, code=ended.code, words=ended.detail))


def _list(body: Json) -> list[Json]:
    listed = body.get("data")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _unless_there(ended: Done, problem: str) -> Done:
    return replace(ended, problem=problem) if ended.code in NO_SUCH_THING else ended


def _text(value: Any) -> str | None:
    return str(value) if value else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None
