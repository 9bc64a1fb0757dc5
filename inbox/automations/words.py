"""An automation summed up in sentences, as one colleague would tell another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

from babel import units
from markupsafe import Markup

from flows import templates
from flows.automations import Deed, Form
from inbox import languages
from inbox.current import current
from inbox.filters import bdi, ltr
from inbox.languages import N_, gettext, ngettext

# What happens about a failure, by cause: the beginning of a sentence, then its end.
WHEN = {
    "not_on_whatsapp": N_("If the customer is not on WhatsApp, %(deed)s."),
    "marketing_limit": N_("If Meta holds marketing back, %(deed)s."),
    "template_paused": N_("If Meta paused the template, %(deed)s."),
    "other": N_("If it fails otherwise, %(deed)s."),
}


def duration(seconds: int) -> str:
    """5 minutes, 23 hours: in hours where that comes out even."""
    locale = languages.locale(current.language, current.country)
    if seconds % 3600 == 0:
        return units.format_unit(seconds // 3600, "duration-hour", "long", locale=locale)
    return units.format_unit(seconds // 60, "duration-minute", "long", locale=locale)


def waits(delay: int, at: time | None) -> str:
    """When it is sent, in a few words."""
    if delay and at:
        facts = {"delay": duration(delay), "time": f"{at:%H:%M}"}
        return gettext(N_("after %(delay)s, at %(time)s"), **facts)
    if at:
        return gettext(N_("at %(time)s"), time=f"{at:%H:%M}")
    if delay:
        return gettext(N_("after %(delay)s"), delay=duration(delay))
    return gettext(N_("at once"))


def summary(form: Form) -> list[Markup]:
    """What the form says so far; nothing before it names a stage and a template."""
    if form.stage is None or form.template is None:
        return []
    trigger = _say(
        N_("When an order enters “%(stage)s”, %(when)s, send “%(template)s”."),
        stage=bdi(form.stage.name),
        when=waits(form.delay, form.at_time),
        template=ltr(form.template.name),
    )
    return [trigger, *_taps(form), *_silence(form), *_failures(form), _often(form)]


def _taps(form: Form) -> Iterator[Markup]:
    texts = {tap.index: tap.text for tap in templates.taps(form.template)} if form.template else {}
    for index, stage in form.buttons.items():
        if stage is not None and index in texts:
            yield _say(
                N_("A tap on “%(button)s” moves the order to “%(stage)s”."),
                button=bdi(texts[index]),
                stage=bdi(stage.name),
            )


SILENT = {
    "sent": N_("If nobody answers within %(time)s of sending, %(deed)s."),
    "delivered": N_("If nobody answers within %(time)s of delivery, %(deed)s."),
}


def _silence(form: Form) -> Iterator[Markup]:
    if not form.timeout or form.timeout_from not in SILENT:
        return
    fallback = form.fallback
    move = _say(N_("move it to “%(stage)s”"), stage=bdi(fallback.name)) if fallback else ""
    again = ngettext("send it once more", "send it up to %(num)s times more", form.resends)
    if form.resends and move:
        deed: Markup | str = _say(N_("%(again)s; then %(move)s"), again=again, move=move)
    else:
        deed = again if form.resends else move
    if deed:
        yield _say(SILENT[form.timeout_from], time=duration(form.timeout), deed=deed)


def _failures(form: Form) -> Iterator[Markup]:
    for cause, sentence in WHEN.items():
        deed = form.failure.get(cause)
        if deed is not None and deed.do != "nothing":
            yield _say(sentence, deed=_deed(deed))


def _deed(deed: Deed) -> Markup:
    if deed.do == "wait":
        hours = duration((deed.hours or 0) * 3600)
        return _say(N_("wait %(hours)s and try again"), hours=hours)
    if deed.do == "template":
        name = deed.template.name if deed.template else "…"
        return _say(N_("send “%(template)s” instead"), template=ltr(name))
    return _say(N_("ask the team to call"))


def _often(form: Form) -> Markup:
    if form.retrigger:
        return _say(N_("It is sent again each time the order comes back."))
    return _say(N_("Each order gets it once."))


def _say(sentence: str, **facts: object) -> Markup:
    # Our own sentence is the markup; every fact in it is escaped.
    return Markup(gettext(sentence)) % facts  # noqa: S704
