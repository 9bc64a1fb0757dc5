"""The terminal: worker, workers, clock, simulator, migrate, seed, merchant, user, channel, flow,
keys, rates, sweep, envelopes, verify, trace, understand, backup, restore."""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import IO
from uuid import UUID

import click
from sqlalchemy.exc import OperationalError

from config import Misconfigured, settings
from flows import logs
from flows.backups.archive import Impossible
from flows.errors import Invalid, Refused

ALONE = ("understand",)
"""What needs no install: neither a database nor what the environment says of one."""


@click.group()
@click.pass_context
def wasl(context: click.Context) -> None:
    """Wasl: WhatsApp messages become orders."""
    _join_the_demo()
    if context.invoked_subcommand not in ALONE:
        logs.begin()


def _join_the_demo() -> None:
    """Beside a running bin/dev, what the environment does not say is read from its folder."""
    folder = Path(os.environ.get("WASL_VAR") or "var")
    files = (folder / "demo.json", folder / "secrets.json")
    if "DATABASE_URL" in os.environ or not all(file.exists() for file in files):
        return
    demo, secrets = (json.loads(file.read_text()) for file in files)
    said = {name.upper(): demo[name] for name in ("database_url", "redis_url")}
    said |= {f"WASL_{name.upper()}": demo[name] for name in ("base_url", "live_url")}
    said["META_GRAPH_URL"] = demo["simulator_url"]
    said |= {name: value for name, value in secrets.items() if name.startswith(("WASL_", "META_"))}
    for name, value in said.items():
        os.environ.setdefault(name, value)


def main() -> None:
    """The console script: a wrong environment is one sentence, not a traceback."""
    try:
        wasl()
    except Misconfigured as error:
        sys.exit(f"wasl: {error}")
    except Invalid as no:
        sys.exit(
            "\n".join(f"wasl: {n}: {w.message.format(**w.facts)}" for n, w in no.fields.items())
        )
    except Refused as no:
        sys.exit(f"wasl: {no.message.format(**no.facts)}")
    except Impossible as no:
        sys.exit(f"wasl: {no}")
    except OperationalError as error:
        sys.exit(f"wasl: the database does not answer: {str(error.orig).splitlines()[0]}")


@wasl.command()
@click.argument("queue", type=click.Choice(["ingest", "deliver", "chores", "media"]))
def worker(queue: str) -> None:
    """Work for one queue: read what Meta sent, deliver, do what fell due, fetch files."""
    from flows import workers

    workers.run(queue)


@wasl.command()
def clock() -> None:
    """Run what happens by itself: lost nudges, expired leases, pruning."""
    from flows import clock as ticking
    from flows import heartbeats

    stopped: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        stopped.append(number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with heartbeats.beating("clock") as life:
        ticking.run(lambda: bool(stopped), life)


@wasl.command("workers")
def list_workers() -> None:
    """Tell which processes work in the background, and what they are at; 1 when one is missed."""
    from flows import health

    found = health.look()
    for one in found.workers:
        click.echo(f"{one.state:7} {one.kind:8} {one.host} {one.pid} {one.doing or 'waits'}")
    for kind in found.missing:
        click.echo(f"{'missing':7} {kind}")
    sys.exit(1 if found.missing or any(one.state != "alive" for one in found.workers) else 0)


@wasl.command()
def simulator() -> None:
    """Play Meta and the customers' phones, for the demo and for trials."""
    from bot.simulator import serve

    serve()


@wasl.command()
def migrate() -> None:
    """Bring the database to the newest schema and load Meta's price lists."""
    from flows import costs
    from models import schema

    schema.upgrade()
    costs.load_rate_cards()


@wasl.command()
@click.option("--empty", is_flag=True, help="no merchants; prints the numbers one may connect")
def seed(*, empty: bool) -> None:
    """Fill an empty database with the demo's two merchants; prints their sign-ins as JSON."""
    from bot.simulator import demo as world
    from flows import demo

    if empty:
        click.echo(json.dumps(world.unconnected(), ensure_ascii=False))
        return
    listed = [record for record in world.records() if record["kind"] == "template"]
    click.echo(json.dumps(demo.seed(listed), ensure_ascii=False))


@wasl.command()
def sweep() -> None:
    """Nudge the worker of everything that is due; prints how many lanes."""
    from flows import outbox

    click.echo(f"{outbox.sweep()} lanes nudged")


@wasl.group()
def merchant() -> None:
    """Merchants of this install."""


@merchant.command("add")
@click.option("--name", required=True)
@click.option("--country", required=True, help="ISO 3166, such as MA or DZ")
@click.option("--language", default="fr", type=click.Choice(["fr", "ar", "en"]))
@click.option("--currency", default="", help="ISO 4217; the country's, if left out")
@click.option("--time-zone", default="", help="such as Africa/Casablanca; the country's")
@click.option("--preset", default="cod", type=click.Choice(["cod", "digital", "services", "blank"]))
@click.option("--plan", default="", help="free, mini, pro or plus; WASL_PLAN, if left out")
@click.option("--owner-email", default="", help="who may sign in as its owner")
@click.option("--owner-name", default="", help="the owner's name")
@click.option("--owner-password", default="", help="asked for, if left out")
def merchant_add(name: str, owner_email: str, owner_password: str, **facts: str) -> None:
    """Add a merchant with its owner, pipeline and first warehouse; prints its id.

    Without an owner's e-mail nobody can sign in until `wasl user add`.
    """
    from flows import signup, team

    if not owner_email:
        plain = {key: facts[key] for key in ("country", "language")}
        plan = facts["plan"] or settings().plan
        click.echo(team.add_merchant(name=name, plan=plan, **plain))
        return
    password = owner_password or click.prompt(
        "Owner's password", hide_input=True, confirmation_prompt=True
    )
    owner_name = facts.pop("owner_name") or owner_email.partition("@")[0]
    facts["country"] = facts["country"].upper()
    form = signup.Form(
        merchant=name, name=owner_name, email=owner_email, password=password, **facts
    )
    click.echo(signup.sign_up(form, myself=False).merchant_id)


@merchant.command("plan")
@click.argument("merchant_id", type=click.UUID)
@click.argument("plan")
def merchant_plan(merchant_id: UUID, plan: str) -> None:
    """Change how many people and shops a merchant may have: free, mini, pro or plus."""
    from flows import plans

    plans.change(merchant_id, plan)


@wasl.group()
def user() -> None:
    """People who can sign in."""


@user.command("add")
@click.option("--merchant", "merchant_id", required=True, type=click.UUID)
@click.option("--email", required=True)
@click.option("--name", required=True)
@click.option(
    "--role",
    default="owner",
    type=click.Choice(["owner", "manager", "confirmation_agent", "delivery_agent", "viewer"]),
)
@click.password_option()
def user_add(merchant_id: UUID, email: str, name: str, role: str, password: str) -> None:
    """Add a person to a merchant's team."""
    from flows import team
    from models.user import Role

    team.add_user(merchant_id, email=email, name=name, role=Role(role), password=password)


@user.command("reset-second-step")
@click.option("--email", required=True)
def user_reset_second_step(email: str) -> None:
    """Let somebody who lost phone and recovery codes sign in by password; their owner reads it."""
    from flows import security

    security.reset_for(email)


@wasl.group()
def channel() -> None:
    """WhatsApp numbers."""


@channel.command("add")
@click.option("--merchant", "merchant_id", required=True, type=click.UUID)
@click.option("--name", required=True, help="what your team calls the number")
@click.option("--phone-number-id", required=True, help="Meta's id of the number")
@click.option("--waba-id", required=True, help="Meta's id of the messaging account")
@click.option("--phone", required=True, help="the number as customers see it")
@click.option("--country", required=True, help="ISO 3166, such as MA or DZ")
@click.option("--currency", default="USD", help="what Meta bills the account in")
@click.option("--time-zone", default="Africa/Casablanca", help="of the messaging account")
@click.password_option("--token", prompt="Access token", confirmation_prompt=False)
def channel_add(merchant_id: UUID, phone: str, **facts: str) -> None:
    """Add a number; bodies that came for it before are read now, its templates are fetched."""
    from flows import channels
    from models import db

    with db.merchant(merchant_id):
        channels.add(display_phone_number=phone, **facts)


@wasl.group()
def flow() -> None:
    """Forms of WhatsApp Flows."""


@flow.command("publish")
@click.option("--channel", "which", required=True, help="the number, or its id at Meta")
@click.option("--merchant", "merchant_id", type=click.UUID, help="whose, where several have it")
@click.option("--new-key", is_flag=True, help="in place of a key that somebody may have seen")
def flow_publish(which: str, merchant_id: UUID | None, *, new_key: bool) -> None:
    """Publish the address form of a number, with a key of its own; twice changes nothing.

    Tells each step in a line; exit code 1 with Meta's own words when one fails.
    """
    from bot.publishing import publish
    from flows import channels, forms
    from models import db

    owner, channel_id = channels.whose(which, merchant_id)
    with db.merchant(owner):
        wanted = forms.prepare(channels.get(channel_id), new_key=new_key)
    done = publish(wanted, click.echo)
    with db.merchant(owner):
        problem = forms.conclude(channels.get(channel_id), done)
    if problem:
        said = channels.PROBLEMS[problem].format(needed=", ".join(channels.NEEDED))
        raise click.ClickException(f"{said} {done.words or ''}".strip())


@wasl.group()
def keys() -> None:
    """The key that encrypts secrets in the database."""


@keys.command()
def rotate() -> None:
    """Seal every secret anew by WASL_DATA_KEY; WASL_DATA_KEY_PREVIOUS opens the old ones."""
    from flows import keys

    click.echo(f"{keys.rotate()} secrets sealed anew")


@wasl.group()
def rates() -> None:
    """Meta's price lists."""


@rates.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--currency", help="such as EUR, where the file does not say it")
@click.option(
    "--from",
    "first_day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="the first day it applies, where the file does not say it",
)
@click.option("--yes", is_flag=True, help="do not ask after showing what changes")
def rates_import(
    file: IO[bytes], currency: str | None, first_day: datetime | None, yes: bool
) -> None:
    """Take in a newer list (our JSON or Meta's CSV) for all merchants, after showing what changes.

    A list that is there is never changed: a changed one needs a new date.
    """
    from flows import costs

    read = costs.read(file.read(), file.name)
    card = read.card(currency, first_day.date() if first_day else None)
    for line in costs.told(card, costs.card_for_all(card.currency, card.effective_from)):
        click.echo(line)
    if not yes:
        click.confirm("Take it for all merchants?", abort=True, err=True)
    try:
        new = costs.take_for_all(card)
    except costs.RateCardChanged as no:
        raise click.ClickException(f"{card.currency} {card.effective_from}: {no}") from None
    click.echo("taken" if new else "it was there already")


@rates.command("list")
def rates_list() -> None:
    """The lists that all merchants have, the newest first."""
    from flows import costs

    for currency, first_day, markets in costs.cards_for_all():
        click.echo(f"{currency}  {first_day}  {markets} markets")


@wasl.group()
def envelopes() -> None:
    """Webhook bodies that could not be read, or that are for a number nobody owns."""


@envelopes.command("list")
@click.option("--state", type=click.Choice(["quarantined", "unrouted", "dismissed"]))
@click.option("--limit", default=100, show_default=True)
def envelopes_list(state: str | None, limit: int) -> None:
    """What lies aside, the oldest first: number, time, state, tries, size, why."""
    from flows.troubles import aside
    from models.envelope import EnvelopeState

    for one in aside.listed(EnvelopeState(state) if state else None, limit):
        why = one.note or one.error or ""
        click.echo(
            f"{one.id}  {one.received_at:%Y-%m-%d %H:%M:%S}  {one.state}  {one.attempts} tries"
            f"  {len(one.body)} bytes  {why}"
        )


@envelopes.command("show")
@click.argument("envelope_id", type=int)
def envelopes_show(envelope_id: int) -> None:
    """One body as Meta sent it: it holds what customers wrote, so mind where you paste it."""
    from flows.troubles import aside

    sys.stdout.buffer.write(aside.find(envelope_id).body + b"\n")


@envelopes.command("read")
@click.argument("ids", type=int, nargs=-1)
@click.option("--all", "all_", is_flag=True, help="everything that lies aside")
def envelopes_read(ids: tuple[int, ...], *, all_: bool) -> None:
    """Read these once more; what of them was read before changes nothing."""
    from flows.troubles import aside

    if bool(ids) == all_:
        raise click.UsageError("name them, or say --all")
    click.echo(f"{aside.read_again(ids)} will be read again")


@envelopes.command("discard")
@click.argument("ids", type=int, nargs=-1, required=True)
@click.option("--reason", required=True)
def envelopes_discard(ids: tuple[int, ...], reason: str) -> None:
    """Put these aside for good; they are gone after 30 days."""
    from flows.troubles import aside

    click.echo(f"{aside.discard(ids, reason)} discarded")


@wasl.command()
def verify() -> None:
    """Check the invariants on the running install; exit code 1 when one is broken."""
    from flows import invariants

    broken = 0
    for check in invariants.check():
        click.echo(f"{'holds ' if check.holds else 'BROKEN'} {check.name}: {check.found}")
        broken += not check.holds
    sys.exit(1 if broken else 0)


@wasl.command()
@click.argument("folder", type=click.Path(path_type=Path))
def backup(folder: Path) -> None:
    """Keep the whole install, as it is at this moment, in a new folder; nobody need stop working.

    In a folder that exists one is made that is named after the moment. Prints which.
    """
    from flows import backups

    click.echo(backups.take(folder))


@wasl.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--replace", is_flag=True, help="lose what the database holds now")
@click.option("--resume", is_flag=True, help="nothing ran since the backup: send what waited")
def restore(folder: Path, *, replace: bool, resume: bool) -> None:
    """Make this install what it was when the backup was taken; exit code 1 if it does not verify.

    Stop every program first. What was on its way then becomes uncertain, for people to decide, and
    everybody signs in anew: it may have been sent since. --resume is for a move to another machine.
    """
    from bot import jobs
    from flows import backups

    done = backups.restore(
        folder, replace=replace, resume=resume, read=lambda: jobs.read_envelopes("ingest")
    )
    click.echo(f"as of {done.taken_at.isoformat(timespec='seconds')}")
    click.echo(f"{done.rows} rows, {done.files} files, {done.read} bodies read")
    held = done.held
    click.echo(
        f"held back for people to decide: {held.messages} messages, {held.runs} runs that were due,"
        f" {held.silences} silences, {held.bulks} bulk moves, {held.mails} mails"
    )
    for check in done.broken:
        click.echo(f"BROKEN {check.name}: {check.found}")
    click.echo("verified" if not done.broken else "restored, but not all is as it must be")
    sys.exit(1 if done.broken else 0)


@wasl.command()
@click.argument("what")
def trace(what: str) -> None:
    """Tell the whole life of a message (wamid) or an order (number)."""
    from flows import tracing

    lines = list(tracing.trace(what))
    if not lines:
        raise click.ClickException(f"nothing is known of {what}")
    for line in lines:
        click.echo(line)


@wasl.command()
@click.argument("text", required=False)
@click.option("--merchant", "whose", help="the id or the name of a merchant: its products")
@click.option(
    "--catalogue",
    "file",
    type=click.Path(path_type=Path, exists=True),
    help='products as JSON: {"products": [{"sku", "name", "options", "price"}]}',
)
@click.option("--context", type=click.Choice(["asked_confirm"]), help="what was asked before")
@click.option("--country", default="", help="ISO 3166: whose cities and phones come first")
@click.option(
    "--file",
    "texts",
    type=click.File("r", encoding="utf-8"),
    help='JSON lines {"text", "context"?}, "-" for the standard input; prints one line each',
)
def understand(
    text: str | None,
    whose: str | None,
    file: Path | None,
    texts: IO[str] | None,
    **asked: str | None,
) -> None:
    """Tell what a customer's message means, as JSON; without products no order lines are found."""
    from flows.understanding import trying

    if (text is None) == (texts is None):
        raise click.UsageError("say a text, or name a file of them")
    if whose and file:
        raise click.UsageError("products are a merchant's or a file's")
    goods = trying.goods_of(whose, file, country=asked["country"] or "")
    for line in trying.understood(goods, text, texts, context=asked["context"]):
        click.echo(line)


if __name__ == "__main__":
    main()
