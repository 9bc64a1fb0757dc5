"""The merchant's own phone: echoes and history."""

from __future__ import annotations

import pytest
from pywa.client import WhatsApp

from bot.simulator import Simulator, demo
from tests.bot.simulator.business import FATIMA, NADIA, Business


def test_what_the_merchant_types_comes_as_an_echo_and_costs_nothing(
    sim: Simulator, business: Business
) -> None:
    wamid = sim.echo("fatima", "Je vous appelle")
    sim.deliver()

    (value,) = business.values
    (echo,) = value["message_echoes"]
    assert (echo["id"], echo["to"]) == (wamid, FATIMA[1:])
    assert echo["from"] == value["metadata"]["display_phone_number"]
    assert sim.invoice() == []
    chat = sim.world.chat(demo.ATLAS_ONE, "fatima")
    assert chat.written_at is None


def test_an_echo_to_somebody_without_a_phone_names_the_user_id(
    sim: Simulator, business: Business
) -> None:
    sim.echo("nadia", "Bonjour")
    sim.deliver()

    (echo,) = business.values[0]["message_echoes"]
    assert echo["to_user_id"] == NADIA
    assert "to" not in echo


def test_an_echo_is_edited_and_deleted(sim: Simulator, business: Business) -> None:
    wamid = sim.echo("fatima", "835 DH")
    sim.edit_echo(wamid, "835,00 MAD")
    sim.revoke_echo(wamid)
    sim.deliver()

    kinds = [value["message_echoes"][0]["type"] for value in business.values]
    assert kinds == ["text", "edit", "revoke"]
    with pytest.raises(ValueError, match="merchant"):
        sim.revoke_echo(sim.write("fatima", "Salam"))


def test_history_brings_the_threads_in_chunks(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.write("fatima", "Salam")
    atlas.send_text(FATIMA, "Bonjour")
    sim.send_sample("youssef", "image")
    sim.deliver()
    business.bodies.clear()

    assert sim.sync_history(demo.ATLAS_ONE, chunks=2) == 3
    sim.deliver()

    chunks = [value["history"][0] for value in business.values]
    assert [chunk["metadata"]["progress"] for chunk in chunks] == [50, 100]
    threads = {t["id"]: t["messages"] for chunk in chunks for t in chunk["threads"]}
    assert [m["type"] for m in threads[FATIMA[1:]]] == ["text", "text"]
    assert threads[FATIMA[1:]][1]["history_context"]["status"] == "DELIVERED"
    assert threads["212663456789"][0]["type"] == "media_placeholder"


def test_history_may_be_declined_and_contacts_be_synced(sim: Simulator, business: Business) -> None:
    sim.sync_history(demo.ATLAS_ONE, declined=True)
    count = sim.sync_contacts(demo.ATLAS_ONE)
    sim.deliver()

    declined, contacts = business.values
    assert declined["history"][0]["errors"][0]["code"] == 2593109
    assert len(contacts["state_sync"]) == count == 4
