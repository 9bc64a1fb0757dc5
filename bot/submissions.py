"""Templates taken to Meta: created, changed, deleted; and its list. Never raises."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from bot.client import answer, client
from flows import files
from flows.letters import Upload
from flows.templates import Listed, Submission, Submitted, examples
from flows.verdicts import verdict
from models.types import Json

log = logging.getLogger(__name__)

FIELDS = (
    "id,name,status,category,correct_category,language,components,quality_score,rejected_reason,"
    "parameter_format"
)
ALREADY_GONE = 2593002
"""Meta's sub-code for deleting what is not there (any more)."""


def submit(submission: Submission) -> Submitted:
    """Take one draft to Meta. After a try whose outcome nobody knows, look there first."""
    if submission.unsure:
        found = _answer(lambda: _look(submission))
        if found.ending != "accepted":
            return found
        if _done(submission, found.listed):
            return found
    return ACTS[submission.act](submission)


def whole_list(waba_id: str, token: str) -> Listed:
    """Every template of an account as Meta lists it, or why it could not be had."""
    ended = _answer(lambda: {"data": _listed(waba_id, token)})
    if ended.listed is None:
        log.warning("templates of account %s not listed: %s", waba_id, ended.words or ended.code)
        certain = ended.ending == "refused"
        return Listed(None, verdict(ended.code).reason if certain else "no_answer", ended.words)
    return Listed(ended.listed["data"])


def _listed(waba_id: str, token: str, **filters: str) -> list[Json]:
    """Page after page.

    By our own GET: pywa's listing raises on a language it does not know (4.5.0).
    """
    found: list[Json] = []
    query: dict[str, Any] = {"fields": FIELDS, "limit": 100, **filters}
    while True:
        page = client(token).api.send_raw_request(
            "GET", f"/{waba_id}/message_templates", params=query
        )
        found += page.get("data", [])
        after = page.get("paging", {}).get("cursors", {}).get("after")
        if not after or not page.get("paging", {}).get("next"):
            return found
        query["after"] = after


# --- what Meta has already ------------------------------------------------------------------------


def _look(submission: Submission) -> Json:
    """The template as Meta lists it; empty when it does not."""
    # Meta looks for the name anywhere in a template's name.
    same = _listed(submission.waba_id, submission.token, name=submission.name)
    return next((raw for raw in same if _is_it(raw, submission)), {})


def _is_it(raw: Mapping[str, Any], submission: Submission) -> bool:
    language = str(raw.get("language") or "").replace("-", "_")
    return (raw.get("name"), language) == (submission.name, submission.language)


def _done(submission: Submission, raw: Mapping[str, Any] | None) -> bool:
    listed = raw or {}
    if submission.act == "delete":
        return not listed
    if _gist(listed.get("components") or []) != _gist(submission.components):
        return False
    # An edit may change what the list does not show; that it arrived, its new review shows.
    return (
        submission.act == "create"
        or listed.get("status") == "PENDING"
        or _shown(submission, listed)
    )


def _gist(components: Iterable[Mapping[str, Any]]) -> list[Any]:
    """What two descriptions of one template have in common; Meta rewrites the examples."""
    return sorted(
        (
            str(component.get("type")).upper(),
            str(component.get("format", "")).upper(),
            str(component.get("text", "")),
            [_tap(button) for button in component.get("buttons", [])],
        )
        for component in components
    )


def _tap(button: Mapping[str, Any]) -> tuple[Any, ...]:
    phone = str(button.get("phone_number") or "").removeprefix("+")
    # The words of a code's button are WhatsApp's own.
    words = None if str(button.get("type")).upper() == "COPY_CODE" else button.get("text")
    return words, button.get("url"), phone


def _shown(submission: Submission, listed: Mapping[str, Any]) -> bool:
    """Whether the list shows every word of it; of a header's file it never does."""
    known = listed.get("components") or []
    return (
        submission.upload is None
        and listed.get("category") == submission.category
        and examples(known) == examples(submission.components)
    )


# --- the acts -------------------------------------------------------------------------------------


def _create(submission: Submission) -> Submitted:
    body, refusal = _body(submission)
    if refusal:
        return refusal
    body |= {"name": submission.name, "language": submission.language}
    api = client(submission.token).api
    return _answer(lambda: api.create_template(submission.waba_id, body))


def _edit(submission: Submission) -> Submitted:
    body, refusal = _body(submission)
    if refusal:
        return refusal
    api, meta_id = client(submission.token).api, str(submission.meta_id)
    told: Any = body
    ended = _answer(lambda: api.update_template(meta_id, told))
    if ended.ending != "accepted":
        return ended
    # Its answer is only "success": what became of state and category stands in the list.
    looked = _answer(lambda: _look(submission))
    return Submitted("accepted", looked.listed or {})


def _delete(submission: Submission) -> Submitted:
    api = client(submission.token).api
    ended = _answer(
        lambda: api.delete_template(submission.waba_id, submission.name, submission.meta_id)
    )
    return Submitted("accepted", {}) if ended.subcode == ALREADY_GONE else ended


ACTS: dict[str, Callable[[Submission], Submitted]] = {
    "create": _create,
    "edit": _edit,
    "delete": _delete,
}


def _body(submission: Submission) -> tuple[Json, Submitted | None]:
    """What Meta is told, its header's sample uploaded; or how the upload failed."""
    components = submission.components
    if submission.upload is not None:
        ended = _answer(lambda: sample(submission.token, submission.upload))
        if ended.ending != "accepted" or not ended.listed:
            # Nothing was submitted yet, whatever became of the file.
            certain = ended.ending == "refused"
            return {}, ended if certain else Submitted("not_sent", words=ended.words)
        components = [_headed(component, str(ended.listed["h"])) for component in components]
    if submission.cards:
        components, refusal = _with_cards(submission, components)
        if refusal:
            return {}, refusal
    body: Json = {"category": submission.category, "components": components}
    if submission.named:
        body["parameter_format"] = "NAMED"
    return body, None


def _with_cards(
    submission: Submission, components: list[Json]
) -> tuple[list[Json], Submitted | None]:
    """The components with a sample in every card, or how an upload failed."""
    handles: list[str] = []
    for upload in submission.cards:
        ended = _answer(partial(sample, submission.token, upload))
        if ended.ending != "accepted" or not ended.listed:
            certain = ended.ending == "refused"
            return [], ended if certain else Submitted("not_sent", words=ended.words)
        handles.append(str(ended.listed["h"]))
    return [_carded(component, handles) for component in components], None


def _carded(component: Json, handles: list[str]) -> Json:
    if component["type"] != "CAROUSEL":
        return component
    cards = [
        {"components": [_headed(part, handle) for part in card["components"]]}
        for card, handle in zip(component["cards"], handles, strict=True)
    ]
    return component | {"cards": cards}


def _headed(component: Json, handle: str) -> Json:
    if component["type"] != "HEADER":
        return component
    return component | {"example": {"header_handle": [handle]}}


def sample(token: str, upload: Upload | None) -> Json:
    """Meta's Resumable Upload: a session of the token's own app, then the bytes; {"h": handle}."""
    assert upload is not None  # noqa: S101 - the caller looked
    api, data = client(token).api, files.read(upload.path)
    app_id = str(api.send_raw_request("GET", "/app", params={"fields": "id"})["id"])
    # By our own call: pywa 4.5.0 puts the file's name into the address as it is.
    facts = {"file_name": upload.filename, "file_length": len(data), "file_type": upload.mime_type}
    session = api.send_raw_request("POST", f"/{app_id}/uploads", params=facts)
    found: Json = api.upload_file(str(session["id"]), data)
    return found


def _answer(ask: Callable[[], Any]) -> Submitted:
    """How a call ended, and what Meta answered."""
    ended, told = answer(ask)
    if ended.ending == "accepted":
        return Submitted("accepted", told if isinstance(told, dict) else {})
    return Submitted(ended.ending, None, ended.code, ended.subcode, ended.detail)
