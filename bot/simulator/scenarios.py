"""Fault scripts: named lists of rules that fail calls and spoil webhooks, the same for one seed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.faults import Fault
from bot.simulator.world import Json

DAY = 86_400.0


@dataclass(frozen=True)
class Scenario:
    """`rules` are fields of Fault each (times: no end unless said), `manner` fields of Manner."""

    name: str
    rules: tuple[Json, ...] = ()
    manner: Json = field(default_factory=dict)

    def faults(self, seed: int) -> list[Fault]:
        """The rules as faults that draw from this seed; ValueError for what a rule may not say."""
        return [
            Fault(**{"times": None, **rule, "seed": seed, "scenario": self.name, "place": place})
            for place, rule in enumerate(self.rules)
        ]

    @classmethod
    def of(cls, name: str, rules: Iterable[Json] = (), manner: Json | None = None) -> Scenario:
        """A scenario from plain JSON."""
        return cls(name, tuple(dict(rule) for rule in rules), dict(manner or {}))


def _chance(share: float, what: int | str, **more: Any) -> Json:
    return {"what": what, "chance": share, **more}


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "throttling storm",
            (
                _chance(0.10, 130429, status=429, retry_after=1),
                _chance(0.10, 80007, status=429),
                _chance(0.05, 4, status=429),
                _chance(0.05, 613, status=429),
                _chance(0.10, 131056),
            ),
        ),
        Scenario(
            "bad afternoon",
            (
                _chance(0.30, 500),
                _chance(0.20, "accept_then_delay", seconds=15),
                _chance(0.10, "close_before_reading"),
            ),
        ),
        Scenario(
            "broken connections",
            (
                _chance(0.10, "accept_then_close"),
                _chance(0.10, "half_a_body"),
                _chance(0.05, "garbage"),
                _chance(0.05, "hang", seconds=15),
                _chance(0.10, "slow", seconds=3),
                _chance(0.05, 502, accept=True),
                _chance(0.05, 503, empty=True),
            ),
        ),
        Scenario("Meta is down", ({"what": 503, "on": "any"},)),
        Scenario("Graph has a cold", (_chance(0.3, 131000), _chance(0.2, 2), _chance(0.1, 131016))),
        Scenario("token expired", ({"what": 190, "on": "any"},)),
        Scenario("token revoked", ({"what": 190, "on": "any", "subcode": 458},)),
        Scenario("spam limit", ({"what": 131048},)),
        Scenario("account locked", ({"what": 131031},)),
        Scenario("no payment method", ({"what": 131042, "late": True},)),
        Scenario(
            "fails later",
            (
                _chance(0.10, 131026, late=True),
                _chance(0.10, 131049, late=True),
                _chance(0.05, 130472, late=True),
                _chance(0.05, 131053, late=True),
            ),
        ),
        Scenario("quality assessment", (_chance(0.5, "held"),)),
        Scenario("template paused", ({"what": "template_paused", "nth": 3},)),
        Scenario("template recategorised", ({"what": "template_recategorised", "nth": 2},)),
        Scenario(
            "files expire",
            (
                _chance(0.3, "media_expired", on="look_up"),
                _chance(0.2, 500, on="download"),
                _chance(0.1, 131053, on="media"),
            ),
        ),
        Scenario(
            "webhooks in disorder",
            manner={"batch": 20, "shape": "mixed", "duplicate": 2, "shuffle": True},
        ),
        Scenario("webhooks five times", manner={"duplicate": 4, "batch": 50, "shape": "mixed"}),
        Scenario("webhooks get lost", manner={"drop": True, "share": 0.2}),
        Scenario("some webhooks a day late", manner={"late": DAY, "share": 0.3}),
        Scenario("statuses before answers", manner={"early": True}),
        Scenario("webhooks a week old", manner={"aged": 7 * DAY}),
        Scenario("webhooks a week late", manner={"late": 7 * DAY}),
        Scenario("nobody has a phone", manner={"phones": False}),
        Scenario("nobody has a name", manner={"contacts": False, "senders": False}),
        Scenario("wrong signatures", manner={"signature": "wrong"}),
        Scenario("a newer Meta", manner={"strange": True}),
    )
}
