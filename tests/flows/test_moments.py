"""When a customer asked to be called."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from flows.talks.moments import moment
from flows.understanding import Catalogue, understand

CASABLANCA = ZoneInfo("Africa/Casablanca")
MONDAY = datetime(2026, 11, 30, 11, 0, tzinfo=UTC)  # noon in Casablanca


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("rappelez moi demain à 18h", "2026-12-01 18:00"),
        ("3ayet lia ghedda m3a 5 d la3chiya", "2026-12-01 17:00"),
        ("call me monday morning", "2026-12-07 10:00"),
        ("اتصل بي غدا بعد العصر", "2026-12-01 15:00"),
        ("pas maintenant, la semaine prochaine", "2026-12-07 10:00"),
        ("appelez moi à 9h", "2026-12-01 09:00"),
        ("appelez moi à 20h", "2026-11-30 20:00"),
        ("rappelez moi le 5/12", "2026-12-05 10:00"),
        ("pas maintenant", None),
        ("rappelez à 3h du matin", None),
    ],
)
def test_a_moment_is_read_on_the_merchants_clock(text: str, wanted: str | None) -> None:
    said = understand(text, Catalogue.of(()), context="asked_confirm")

    at = moment(said.entities, MONDAY, CASABLANCA)

    told = f"{at.astimezone(CASABLANCA):%Y-%m-%d %H:%M}" if at else None
    assert told == wanted
