"""A Meta of our own: Graph API, webhooks and phones, for the demo, the tests and the harness."""

from bot.simulator.faults import Fault
from bot.simulator.manner import Manner
from bot.simulator.scenarios import SCENARIOS, Scenario
from bot.simulator.server import listen, serve
from bot.simulator.simulator import Simulator, create_simulator

__all__ = [
    "SCENARIOS",
    "Fault",
    "Manner",
    "Scenario",
    "Simulator",
    "create_simulator",
    "listen",
    "serve",
]
