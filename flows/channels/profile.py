"""What customers see of a number: read at each look, changed by an errand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from email_validator import EmailNotValidError, validate_email

from flows import audit
from flows.channels import errands
from flows.errors import N_, Invalid, Refused
from models.channel import Channel
from models.message import Media
from models.types import Json

LIMITS = {"about": 139, "address": 256, "description": 512, "email": 128}
WEBSITES = 2
LONGEST_WEBSITE = 256
PICTURES = ("image/jpeg", "image/png")


@dataclass(frozen=True, slots=True)
class Profile:
    """As Meta keeps it; "" is nothing said."""

    about: str = ""
    address: str = ""
    description: str = ""
    email: str = ""
    websites: tuple[str, ...] = ()


def of(channel: Channel) -> Profile:
    kept = channel.profile
    texts = {name: str(kept.get(name) or "") for name in LIMITS}
    return Profile(**texts, websites=tuple(kept.get("websites") or ()))


def change(channel: Channel, form: Profile, picture: Media | None = None) -> None:
    """The profile is on its way to Meta; Invalid names each field Meta would refuse."""
    wrong = dict(_wrong(form))
    if wrong:
        raise Invalid(wrong)
    told: Json = {name: getattr(form, name) for name in LIMITS}
    told["websites"] = list(form.websites)
    if not form.about:
        del told["about"]  # Meta takes no empty one
    errands.ask(channel, "profile", told, picture)
    before, after = asdict(of(channel)) | {"picture": None}, asdict(form) | {"picture": None}
    if picture is not None:
        after["picture"] = picture.filename or True
    audit.changed("channels.profile", before, after, on=channel.name, on_id=channel.id)


def _wrong(form: Profile) -> Iterator[tuple[str, Refused]]:
    for name, limit in LIMITS.items():
        if len(getattr(form, name)) > limit:
            yield name, Refused("too_long", N_("At most {limit} characters."), limit=limit)
    if form.email and not _is_email(form.email):
        yield "email", Refused("email", N_("This is not an e-mail address."))
    if len(form.websites) > WEBSITES:
        yield "websites", Refused("websites", N_("At most {limit} websites."), limit=WEBSITES)
    for n, site in enumerate(form.websites):
        if len(site) > LONGEST_WEBSITE or not re.fullmatch(r"https?://[^\s/]+\.\S+", site):
            why = N_("A website starts with https:// and a web address.")
            yield f"website{n}", Refused("url", why)


def _is_email(text: str) -> bool:
    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True
