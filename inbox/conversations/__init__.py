"""The shared inbox: the list of conversations, a thread, the customer beside it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from flask import Blueprint, abort, make_response, render_template, request
from werkzeug.wrappers import Response

from flows import conversations, notifications, team, threads
from flows.team import groups
from inbox import htmx
from inbox.auth import needs
from inbox.conversations import asides, beside, kinds, thread
from inbox.conversations.asked import (
    BEGINNING,
    Asked,
    read_id,
    read_place,
    read_point,
    write_place,
    write_point,
)
from inbox.conversations.composer import category_name, compose, language_name, window
from inbox.current import current
from models.conversation import Conversation

pages = Blueprint("conversations", __name__, url_prefix="/inbox")


def place(conversation: Conversation) -> str:
    """Where the conversation stands in the list, as the page tells it back."""
    return write_place((conversation.last_message_at, conversation.id))


pages.add_app_template_filter(place)
pages.add_app_template_filter(window)
pages.add_app_template_filter(category_name)
pages.add_app_template_filter(language_name)
pages.add_app_template_filter(kinds.preview)
pages.add_app_template_filter(kinds.asks_for)
pages.add_app_template_filter(kinds.label, "kind_label")
pages.add_app_template_filter(kinds.icon, "kind_icon")
pages.add_app_template_filter(kinds.raw, "raw_body")
pages.add_app_template_filter(asides.who_has)
pages.add_app_template_filter(asides.why, "why_left")


# --- pages ----------------------------------------------------------------------------------------


@pages.get("")
@needs("inbox.read")
def index() -> str:
    """The list beside an empty place; for htmx the empty place alone."""
    asked = Asked.read(request.args)
    if current.wants_fragment:
        return render_template("conversations/_open.html", asked=asked, conversation=None)
    return _page(asked, threads.overview(current.member), conversation=None)


@pages.get("/<uuid:conversation_id>")
@needs("inbox.read")
def show(conversation_id: UUID) -> str:
    """The list beside a thread; for htmx the thread and the customer alone."""
    asked = Asked.read(request.args)
    opened = threads.opened(conversation_id, current.member)
    facts = _opened(opened)
    if current.wants_fragment:
        return render_template(
            "conversations/_open.html", asked=asked, around=opened.around, **facts
        )
    return _page(asked, opened.around, **facts)


def _page(asked: Asked, around: threads.Overview, **more: Any) -> str:
    rows = _rows(asked)
    return render_template("conversations/index.html", asked=asked, around=around, **rows, **more)


def _opened(opened: threads.Opened) -> dict[str, Any]:
    conversation = opened.conversation
    newest = threads.stretch(conversation)
    unread_from = thread.first_unread(newest, conversation)
    return {
        "conversation": conversation,
        "days": thread.days(newest, unread_from=unread_from),
        "since": _start(newest),
        "above": _start(newest),
        "unread_from": unread_from,
        "composer": compose(conversation) if current.may("inbox.reply") else None,
        **beside.bot(opened),
    }


# --- the list -------------------------------------------------------------------------------------


@pages.get("/list")
@needs("inbox.read")
def listed() -> str | Response:
    """The list anew: as asked now, or as far as it was scrolled (`until`), or more (`before`)."""
    asked = Asked.read(request.args)
    before = read_place(request.args.get("before"))
    if before is not None:
        around, rows = threads.overview(current.member), _rows(asked, before=before)
        return render_template("conversations/_rows.html", asked=asked, around=around, **rows)
    until = read_place(request.args.get("until"))
    opened = _address_on_screen().path.rpartition("/")[2]
    page = make_response(
        render_template(
            "conversations/_list.html",
            asked=asked,
            around=threads.overview(current.member),
            open_id=read_id(opened),
            **_rows(asked, until=until),
        )
    )
    if htmx.asked() and not current.in_background:
        page.headers["HX-Replace-Url"] = _address(asked)
    return page


@pages.get("/unread")
@needs("inbox.read")
def unread() -> str:
    """The number on the main menu: how many conversations wait to be read."""
    count = threads.unread_count()
    return ("99+" if count > 99 else str(count)) if count else ""


def _rows(asked: Asked, **where: Any) -> dict[str, Any]:
    rows = threads.listed(
        show=asked.show,
        member=current.member,
        search=asked.search,
        channel_id=asked.channel_id,
        **where,
    )
    more = len(rows) >= threads.PAGE or where.get("until") is not None
    return {"rows": rows, "below": write_place(rows[-1].place) if rows and more else None}


def _address_on_screen() -> Any:
    return urlsplit(request.headers.get("HX-Current-URL", ""))


def _address(asked: Asked) -> str:
    """The page's own address with this filter in it: what is open stays open."""
    path = _address_on_screen().path
    path = path if path.startswith("/inbox") else "/inbox"
    query = urlencode(asked.query())
    return f"{path}?{query}" if query else path


# --- a thread -------------------------------------------------------------------------------------


@pages.get("/<uuid:conversation_id>/thread")
@needs("inbox.read")
def refreshed(conversation_id: UUID) -> str:
    """All from the point `since` on, as it is now; or the page of messages `before` a point."""
    opened = threads.opened(conversation_id, current.member)
    conversation = opened.conversation
    before = read_point(request.args.get("before"))
    if before is not None:
        earlier = threads.stretch(conversation, before=before)
        return render_template(
            "conversations/_earlier.html",
            conversation=conversation,
            days=thread.days(earlier),
            above=_start(earlier),
        )
    since = request.args.get("since", "")
    newest = threads.stretch(conversation, since=read_point(since) or BEGINNING)
    unread_from = read_id(request.args.get("unread"))
    return render_template(
        "conversations/_refreshed.html",
        conversation=conversation,
        around=opened.around,
        days=thread.days(newest, unread_from=unread_from),
        since=since if newest.whole else _start(newest),
        above=None if newest.whole else _start(newest),
        unread_from=unread_from,
        **beside.bot(opened),
    )


def _start(stretch: threads.Stretch) -> str:
    """Where the stretch begins; "" when the thread begins there too."""
    return write_point(stretch.start) if stretch.start and stretch.older else ""


@pages.get("/<uuid:conversation_id>/panel")
@needs("inbox.read", "orders.read")
def panel(conversation_id: UUID) -> str:
    """The customer beside the thread, with their orders."""
    return render_template("orders/_panel.html", **beside.facts(threads.find(conversation_id)))


@pages.post("/<uuid:conversation_id>/read")
@needs("inbox.read", "inbox.reply")
def read(conversation_id: UUID) -> tuple[str, int]:
    """Somebody has the conversation before their eyes: what called them to it rings no more."""
    conversations.mark_read(threads.find(conversation_id))
    notifications.seen(current.member, "bot_left", conversation=str(conversation_id))
    return "", 204


# --- whose conversation it is ---------------------------------------------------------------------


@pages.get("/<uuid:conversation_id>/assignee")
@needs("inbox.assign")
def assignees(conversation_id: UUID) -> str:
    return render_template(
        "conversations/_assign.html",
        conversation=threads.find(conversation_id),
        members=team.members(),
        teams=[one.team for one in team.teams()],
    )


@pages.post("/<uuid:conversation_id>/assignee")
@needs("inbox.assign")
def assign(conversation_id: UUID) -> tuple[str, int]:
    """The conversation is this member's, or this `team`'s; an empty `member` leaves it to all."""
    conversation = threads.find(conversation_id)
    if "team" in request.form:
        group = groups.find(read_id(request.form["team"]) or abort(404))
        conversations.give_to_team(conversation, group, by=current.member)
    else:
        _give(conversation, request.form.get("member", ""))
    htmx.close_dialog()
    htmx.trigger("live", target="#newest")
    return "", 204


def _give(conversation: Conversation, chosen: str) -> None:
    member = next((m for m in team.members() if str(m.id) == chosen), None)
    if chosen and member is None:
        abort(404)
    conversations.assign(conversation, member, by=current.member)
