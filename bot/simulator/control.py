"""The control API: what no business can ask of Meta, and what the phone page lives on.

Everything is JSON, under /_control. <c> is a customer's id, phone or username; <n> a number's id.

    GET    customers                   everybody with a phone, and the business numbers
    POST   customers                   {name, phone?, user_id?, username?, language?, home?}
    GET    customers/<c>/chats         the chat list
    GET    customers/<c>/chats/<n>     the last 300 bubbles of one chat
    POST   customers/<c>/messages      {type?, text?, to?, reply_to?, referral?, manner?,
                                        <type>: {...}}
    POST   customers/<c>/taps          {wamid, index, given?, manner?}
    POST   customers/<c>/samples       {kind: image | audio | video | sticker | document, to?}
    POST   customers/<c>/forwards      {wamid, to?, often?}
    POST   customers/<c>/edits         {wamid, text}; POST .../revokes {wamid}
    POST   customers/<c>/orders        {items: [{id, quantity}], text?, to?, reply_to?}
    POST   customers/<c>/calls         {to?, outcome: missed | answered | rejected, seconds?}
    POST   customers/<c>/forms         {wamid, index?}: opens a form; what the phone shows of it
    POST   forms/<form>                {field: text}: typed, and the button at the foot tapped
    POST   forms/<form>/back           to the screen before
    POST   flows/<id>/status           {status}: Meta publishes, throttles, blocks or gives it up
    PUT    customers/<c>/blocks        {number, blocked}
    PUT    customers/<c>/receipts      {receipts?, arrivals?}
    PUT    customers/<c>/identity      {phone} | {username} | {user_id: "new"} | {reinstalled}
    POST   customers/<c>/reactions     {wamid, emoji}
    POST   customers/<c>/reads         {number?, manner?}
    POST   customers/<c>/plays         {wamid}
    PUT    customers/<c>/online        {online}
    PUT    customers/<c>/marketing     {account, value: "stop" | "resume"}
    POST   media                       multipart file; GET media/<id> gives it back
    GET    numbers/<n>/products        the catalogue; PUT accounts/<id>/products {products}
    POST   echoes                      {to, text?, number?, type?, <type>?}: the merchant's phone;
                                       echoes/<wamid>/edit {text}, echoes/<wamid>/revoke
    POST   numbers/<n>/history         {chunks?, declined?}; POST numbers/<n>/contacts
    GET    faults, POST faults         {what, times?, on?, customer?, ...}: see Fault
    DELETE faults, faults/<place>      no more failures, or this one not
    GET    faults/kinds                what can be asked for
    GET    scenarios                   {scenarios, running}
    POST   scenarios                   {name, seed?, rules?, manner?}; DELETE ends the running one
    POST   held                        {drop?}: what was held for quality goes on, or fails
    GET    requests?last=<n>           the latest calls to Graph, with the fault that hit each
    GET    webhooks/kinds              every kind Meta documents
    POST   webhooks/kinds              {kind, who, number?}: posts one, about them
    GET    webhooks, PUT webhooks      the Manner webhooks travel in, changed field by field
    POST   webhooks                    {account, field, value}: posts any change, signed
    PUT    limits                      {throughput?, pair_burst?, pair_every?}
    GET    clock, PUT clock            {now: ISO instant | null} or {advance: seconds}
    GET    templates                   every template, those in review first
    POST   templates/<id>/review       {event, category?, reason?, ...}: approves, rejects, pauses
    POST   templates/<id>/category     {category, announce?}: recategorised, or announced for
                                       tomorrow
    POST   templates/<id>/quality      {score: GREEN | YELLOW | RED | UNKNOWN}
    POST   templates/<id>/complaint    customers complain: paused 3 h, 6 h, then disabled
    GET    reviews, PUT reviews        {after: seconds | null, reviewer?: "rules" | "yes"}
    POST   reviews                     everything that waits is judged now
    POST   accounts                    {id, name, country, time_zone, currency?,
                                        numbers: [{id, display, name}]}
    PUT    accounts/<id>               {funded?, review?, scopes?, revoked?: [tokens], subscribed?}
    PUT    numbers/<id>                {quality?, limit?, status?, name_status?, throughput?}: and
                                       its webhook, where Meta sends one
    GET    ledger                      the ledger, one JSON record a line
    GET    invoice                     what Meta counts, one line a delivered message
    POST   drain                       {timeout?}: waits until no webhook waits
    POST   reset                       the demo's world again
    GET    events?since=<count>        server-sent events: whose phones changed
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import Forbidden, HTTPException

from bot.simulator import demo
from bot.simulator.accounts import AccountRoom
from bot.simulator.asking import done, json_body
from bot.simulator.chatview import bubble_view, chat_list, people
from bot.simulator.fault_room import FaultRoom
from bot.simulator.line import asked
from bot.simulator.manner import Manner
from bot.simulator.phone_room import PhoneRoom
from bot.simulator.review_room import ReviewRoom
from bot.simulator.world import Json

if TYPE_CHECKING:
    from bot.simulator.simulator import Simulator

KEEP_ALIVE = 15.0
SCREENFUL = 300


def blueprint() -> Blueprint:
    control = Blueprint("control", __name__)
    room = _Room()
    for methods, rule, view in room.routes():
        control.add_url_rule(f"/{rule}", view.__name__, view, methods=methods.split())
    control.before_request(_same_site_only)
    control.register_error_handler(KeyError, _unknown)
    control.register_error_handler(ValueError, _wrong)
    control.register_error_handler(TypeError, _wrong)
    return control


class _Room(FaultRoom, PhoneRoom, AccountRoom, ReviewRoom):
    @property
    def sim(self) -> Simulator:
        return asked()

    def routes(self) -> list[tuple[str, str, Any]]:
        return [
            ("GET", "customers", self.customers),
            ("POST", "customers", self.new_customer),
            ("GET", "customers/<who>/chats", self.chats),
            ("GET", "customers/<who>/chats/<number>", self.chat),
            ("POST", "customers/<who>/messages", self.write),
            ("POST", "customers/<who>/taps", self.tap),
            ("POST", "customers/<who>/reactions", self.react),
            ("POST", "customers/<who>/reads", self.read),
            ("POST", "customers/<who>/plays", self.play),
            ("PUT", "customers/<who>/online", self.online),
            ("PUT", "customers/<who>/marketing", self.marketing),
            ("POST", "media", self.upload),
            ("GET", "media/<media_id>", self.media),
            ("GET PUT POST", "webhooks", self.webhooks),
            ("PUT", "limits", self.limits),
            ("GET PUT", "clock", self.clock),
            ("POST", "accounts", self.new_account),
            ("PUT", "accounts/<account_id>", self.change_account),
            ("PUT", "numbers/<number_id>", self.change_number),
            ("GET", "ledger", self.ledger),
            ("GET", "invoice", self.invoice),
            ("POST", "drain", self.drain),
            ("POST", "reset", self.reset),
            ("GET", "events", self.events),
            *self.fault_routes(),
            *self.phone_routes(),
            *self.review_routes(),
        ]

    def customers(self) -> Response:
        with self.sim.still():
            return jsonify(people(self.sim))

    def new_customer(self) -> Response:
        return jsonify(asdict(self.sim.new_customer(**json_body())))

    def chats(self, who: str) -> Response:
        with self.sim.still():
            return jsonify(chat_list(self.sim, self.sim.customer(who)))

    def chat(self, who: str, number: str) -> Response:
        customer = self.sim.customer(who)
        with self.sim.still():
            wamids = self.sim.world.chat(self.sim.number(number).id, customer.id).wamids
            views = [bubble_view(self.sim, wamid) for wamid in wamids[-SCREENFUL:]]
        return jsonify([view for view in views if view])

    def write(self, who: str) -> Response:
        body = json_body()
        return jsonify({"wamid": self.sim.write(who, **body | _manner(self.sim, body))})

    def tap(self, who: str) -> Response:
        body = json_body()
        return jsonify({"wamid": self.sim.tap(who, **body | _manner(self.sim, body))})

    def react(self, who: str) -> Response:
        return jsonify({"wamid": self.sim.react(who, **json_body())})

    def read(self, who: str) -> Response:
        body = json_body()
        return jsonify({"read": self.sim.read(who, **body | _manner(self.sim, body))})

    def play(self, who: str) -> Response:
        self.sim.play(who, **json_body())
        return done()

    def online(self, who: str) -> Response:
        switch = self.sim.go_online if json_body()["online"] else self.sim.go_offline
        switch(who)
        return done()

    def marketing(self, who: str) -> Response:
        body = json_body()
        self.sim.prefer(who, self.sim.world.accounts[body["account"]], body["value"])
        return done()

    def upload(self) -> Response:
        file = request.files["file"]
        media = self.sim.keep_media(file.read(), file.mimetype, file.filename or "file")
        return jsonify(asdict(media))

    def media(self, media_id: str) -> Response:
        media = self.sim.world.media[media_id]
        response = Response(self.sim.files.get(media_id), mimetype=media.mime_type)
        # A phone shows pictures; whatever else was uploaded must not run on this address.
        response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def webhooks(self) -> Response:
        if request.method == "PUT":
            self.sim.manner = self.sim.manner.but(**json_body())
        elif request.method == "POST":
            body = json_body()
            with self.sim.turn():
                account = self.sim.world.accounts[body["account"]]
                self.sim.emit(account, body["value"], field=body["field"])
        return jsonify(asdict(self.sim.manner))

    def limits(self) -> Response:
        self.sim.limit(**json_body())
        return jsonify(asdict(self.sim.brakes.limits))

    def clock(self) -> Response:
        if request.method == "PUT":
            body = json_body()
            if "advance" in body:
                self.sim.advance(float(body["advance"]))
            else:
                now = body["now"]
                self.sim.set_date(datetime.fromisoformat(now) if now else None)
        return jsonify({"now": self.sim.clock.now().isoformat()})

    def new_account(self) -> Response:
        body = json_body()
        numbers = body.pop("numbers")
        first_id = 10**15 + 1000 * len(self.sim.world.templates)
        words = {"shop": body["name"], "site": "shop.example", "sum": "100,00"}
        with self.sim.turn():
            self.sim.note("account", **body)
            for number in numbers:
                self.sim.note("number", account=body["id"], **number)
            for template in demo.templates_of(body["id"], first_id=first_id, **words):
                self.sim.note(**template)
        return done()

    def ledger(self) -> Response:
        return Response(self.sim.ledger.lines(), mimetype="application/x-ndjson")

    def invoice(self) -> Response:
        with self.sim.still():
            return jsonify(self.sim.invoice())

    def drain(self) -> Response:
        drained = self.sim.drain(float(json_body().get("timeout", 60)))
        return jsonify({"drained": drained, "waiting": self.sim.postman.waiting})

    def reset(self) -> Response:
        self.sim.reset()
        return done()

    def events(self) -> Response:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        since = request.args.get("since", type=int) or self.sim.feed.count
        return Response(_stream(self.sim, since), mimetype="text/event-stream", headers=headers)


def _stream(sim: Simulator, count: int) -> Iterator[str]:
    yield "retry: 1000\n\n"
    while True:
        count, customers = sim.feed.wait(count, KEEP_ALIVE)
        news = json.dumps({"count": count, "customers": customers})
        yield f"data: {news}\n\n" if customers else ": still here\n\n"


def _manner(sim: Simulator, body: Json) -> dict[str, Manner | None]:
    asked = body.pop("manner", None)
    return {"manner": sim.manner.but(**asked) if asked else None}


def _same_site_only() -> None:
    # Any page the visitor has open could reach a loopback address.
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise Forbidden("Only the simulator's own page may do this.")


def _unknown(error: KeyError) -> tuple[Response, int] | HTTPException:
    if isinstance(error, HTTPException):
        return error
    return jsonify({"error": {"message": f"Unknown: {error.args[0]}", "code": 404}}), 404


def _wrong(error: Exception) -> tuple[Response, int]:
    return jsonify({"error": {"message": str(error), "code": 422}}), 422
