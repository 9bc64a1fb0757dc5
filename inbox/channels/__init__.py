"""WhatsApp numbers: connected, looked after, what customers see of them; the starter set."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from uuid import UUID, uuid4

import segno
from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from config import settings
from flows import channels
from flows.channels import profile as profiles
from flows.channels import trying
from flows.channels.notices import about as notices_about
from flows.demo.shops import SPARE
from flows.errors import Invalid, Refused
from inbox import htmx, languages, life, media
from inbox.auth import needs
from inbox.channels import notices, starter, words
from inbox.conversations.asked import read_id
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import N_
from inbox.languages import gettext as _
from models.channel import Channel
from models.message import Media, Message

pages = Blueprint("channels", __name__)
words.attach(pages)
notices.attach(pages)
starter.attach(pages)

NO_PICTURE = N_("The picture must be a JPEG or PNG.")
NO_PHONE = N_("Enter a phone number.")
WEBHOOK_FIELDS = (
    "messages",
    "message_template_status_update",
    "message_template_quality_update",
    "template_category_update",
    "phone_number_quality_update",
    "phone_number_name_update",
    "account_update",
    "account_alerts",
    "account_review_update",
    "business_capability_update",
    "flows",
    "user_preferences",
    "security",
)


# --- the list -------------------------------------------------------------------------------------


@pages.get("/numbers")
@needs("channels.edit")
def index() -> str:
    listed = channels.all_of_merchant()
    template = "channels/_list.html" if current.wants_fragment else "channels/index.html"
    errands = {channel.id: channels.last(channel, "look") for channel in listed}
    return render_template(template, channels=listed, errands=errands)


@pages.get("/numbers/new")
@needs("channels.edit")
def new() -> str:
    return _form({})


@pages.post("/numbers")
@needs("channels.edit")
def create() -> Response | tuple[str, int]:
    """The number is being checked with Meta; the page follows."""
    fields = Fields(request.form)
    try:
        channel = channels.connect(
            channels.NewNumber(
                name=fields.text("name"),
                phone_number_id=fields.text("phone_number_id"),
                waba_id=fields.text("waba_id"),
                token=fields.text("token"),
                app_secret=fields.text("app_secret"),
            )
        )
    except Invalid as wrong:
        life.undo()
        return _form(request.form.to_dict(), languages.told_each(wrong)), wrong.status
    return _to(channel)


def _form(typed: Mapping[str, str], wrong: Mapping[str, str] | None = None) -> str:
    # What is secret is not shown again, not even to whoever has just typed it.
    shown = {name: typed.get(name, "") for name in ("name", "phone_number_id", "waba_id")}
    spare = SPARE if settings().graph_url else None
    return render_template("channels/new.html", typed=shown, wrong=wrong or {}, spare=spare)


# --- one number -----------------------------------------------------------------------------------


@pages.get("/numbers/<uuid:channel_id>")
@needs("channels.edit")
def show(channel_id: UUID) -> str:
    return _page(channels.get(channel_id))


def _page(channel: Channel, typed: Mapping[str, str] | None = None, untried: str = "") -> str:
    part = "_test" if request.args.get("part") == "test" else "_show"
    template = f"channels/{part}.html" if current.wants_fragment else "channels/show.html"
    return render_template(template, typed=typed or {}, untried=untried, **_about(channel))


def _about(channel: Channel) -> dict[str, object]:
    return {
        "channel": channel,
        "facts": channels.facts_of(channel),
        "look": channels.last(channel, "look"),
        "change": channels.last(channel, "profile"),
        "profile": profiles.of(channel),
        "said": channels.lately(channel),
        "standing": [notices.banner(one) for one in notices_about(channel)],
        "webhook_url": f"{settings().base_url}/webhooks/whatsapp",
        "verify_token": settings().verify_token,
        "webhook_fields": WEBHOOK_FIELDS,
        "trial": sorted(trying.offered(channel), key=lambda t: t.language != current.language),
        "link": _link(channel),
        "client_id": uuid4(),
    }


@pages.post("/numbers/<uuid:channel_id>/look")
@needs("channels.edit")
def look(channel_id: UUID) -> Response:
    channel = channels.get(channel_id, lock=True)
    channels.look(channel)
    htmx.toast(_("Meta is asked."))
    return _to(channel)


@pages.get("/numbers/<uuid:channel_id>/token")
@needs("channels.edit")
def ask_token(channel_id: UUID) -> str:
    return render_template("channels/_token.html", channel=channels.get(channel_id), wrong={})


@pages.post("/numbers/<uuid:channel_id>/token")
@needs("channels.edit")
def replace_token(channel_id: UUID) -> Response | tuple[str, int]:
    """The new token is being checked; what waits leaves once Meta takes it."""
    channel, fields = channels.get(channel_id, lock=True), Fields(request.form)
    secret: str | None = fields.text("app_secret") or None
    app_secret = "" if fields.text("app") == "none" else secret
    try:
        channels.replace_token(channel, fields.text("token"), app_secret)
    except Invalid as wrong:
        life.undo()
        channel = channels.get(channel_id)
        page = render_template(
            "channels/_token.html", channel=channel, wrong=languages.told_each(wrong)
        )
        return page, wrong.status
    htmx.toast(_("The new token is being checked."))
    return _done(channel)


@pages.get("/numbers/<uuid:channel_id>/edit")
@needs("channels.edit")
def edit(channel_id: UUID) -> str:
    channel = channels.get(channel_id)
    return _profile(channel, {"name": channel.name, **_shown(profiles.of(channel))})


@pages.post("/numbers/<uuid:channel_id>")
@needs("channels.edit")
def change(channel_id: UUID) -> Response | tuple[str, int]:
    """The team's name for it holds now; what customers see is on its way to Meta."""
    channel, fields = channels.get(channel_id, lock=True), Fields(request.form)
    before = profiles.of(channel)
    try:
        channels.rename(channel, fields.text("name"))
        form = _typed_profile(fields)
        picture = _picture()
        if channel.proven_at is not None and (form != before or picture):
            profiles.change(channel, form, picture)
    except Invalid as wrong:
        life.undo()
        return _profile(
            channels.get(channel_id), request.form.to_dict(), languages.told_each(wrong)
        ), 422
    except Refused as no:
        life.undo()
        told = {"picture": languages.told(no)}
        return _profile(channels.get(channel_id), request.form.to_dict(), told), 422
    htmx.toast(_("Saved."))
    return _done(channel)


@pages.post("/numbers/<uuid:channel_id>/pause")
@needs("channels.edit")
def pause(channel_id: UUID) -> Response:
    channel = channels.get(channel_id, lock=True)
    channels.pause(channel)
    return _to(channel)


@pages.post("/numbers/<uuid:channel_id>/resume")
@needs("channels.edit")
def resume(channel_id: UUID) -> Response:
    channel = channels.get(channel_id, lock=True)
    channels.go_on(channel)
    return _to(channel)


@pages.post("/numbers/<uuid:channel_id>/remove")
@needs("channels.edit")
def remove(channel_id: UUID) -> Response:
    """A number that never opened is gone."""
    channels.remove(channels.get(channel_id, lock=True))
    htmx.toast(_("Removed."))
    return redirect(url_for("channels.index"), 303)


@pages.post("/numbers/<uuid:channel_id>/test")
@needs("channels.edit")
def test(channel_id: UUID) -> Response | tuple[str, int]:
    """A message is on its way to a phone of the team's own; its conversation shows the rest.
    Or the form again, with why not beside the phone."""
    try:
        message = _try(channels.get(channel_id))
    except Refused as no:
        life.undo()
        typed = request.form.to_dict()
        return _page(channels.get(channel_id), typed, languages.told(no)), max(no.status, 422)
    htmx.toast(_("On its way."))
    place = url_for("conversations.show", conversation_id=message.conversation_id)
    return redirect(place, 303)


def _try(channel: Channel) -> Message:
    fields = Fields(request.form)
    number = fields.phone("phone", channel.country)
    if number is None:
        raise fields.wrong.get("phone") or Refused("phone", NO_PHONE)
    wished = read_id(request.form.get("template"))
    template = next((t for t in trying.offered(channel) if t.id == wished), None)
    return trying.send(
        channel,
        number,
        by=current.member,
        text=_("A test from Wasl: your number works."),
        template=template,
        client_id=read_id(request.form.get("client_id")),
    )


@pages.get("/numbers/<uuid:channel_id>/qr.svg")
@needs("channels.edit")
def qr(channel_id: UUID) -> Response:
    """The number's wa.me link, to be scanned; `download` saves it."""
    channel = channels.get(channel_id)
    drawn = BytesIO()
    code = segno.make(_link(channel) or "https://wa.me/", error="m", micro=False)
    code.save(drawn, kind="svg", scale=8, border=2, dark="#000", light="#fff", xmldecl=False)
    response = Response(drawn.getvalue(), mimetype="image/svg+xml")
    if "download" in request.args:
        name = f"whatsapp-{channel.digits}.svg"
        response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response


# --- pieces ---------------------------------------------------------------------------------------


def _link(channel: Channel) -> str | None:
    return f"https://wa.me/{channel.digits}" if channel.digits else None


def _typed_profile(fields: Fields) -> profiles.Profile:
    sites = (fields.text(f"website{n}") for n in range(profiles.WEBSITES))
    return profiles.Profile(
        about=fields.text("about"),
        address=fields.text("address"),
        description=fields.lines("description"),
        email=fields.text("email"),
        websites=tuple(site for site in sites if site),
    )


def _shown(profile: profiles.Profile) -> dict[str, str]:
    texts = {name: getattr(profile, name) for name in profiles.LIMITS}
    return texts | {f"website{n}": site for n, site in enumerate(profile.websites)}


def _picture() -> Media | None:
    file = request.files.get("picture")
    if file is None or not file.filename:
        return None
    stored, _kind = media.keep(file)
    if stored.mime_type not in profiles.PICTURES:
        raise Refused("file_type", NO_PICTURE)
    return stored


def _profile(
    channel: Channel, typed: Mapping[str, str], wrong: Mapping[str, str] | None = None
) -> str:
    return render_template(
        "channels/_profile.html",
        channel=channel,
        typed=typed,
        wrong=wrong or {},
        limits=profiles.LIMITS,
        websites=profiles.WEBSITES,
        pictures=",".join(profiles.PICTURES),
    )


def _to(channel: Channel) -> Response:
    return redirect(url_for("channels.show", channel_id=channel.id), 303)


def _done(channel: Channel) -> Response:
    """The dialog closes; the page below it follows by itself."""
    if not htmx.asked():
        return _to(channel)
    response = Response(status=200)
    response.headers["HX-Redirect"] = url_for("channels.show", channel_id=channel.id)
    return response
