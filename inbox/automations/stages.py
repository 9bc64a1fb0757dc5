"""What happens on each stage: its automations, and what its state does besides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from flows import automations, board, stock
from inbox.languages import N_, gettext
from models.automation import Automation
from models.order import StockPosition
from models.pipeline import Pipeline, Stage

# What a state does with the goods, for people.
STOCK: dict[StockPosition, str] = {
    StockPosition.NONE: N_("Goods are free to sell"),
    StockPosition.RESERVED: N_("Goods are reserved"),
    StockPosition.ISSUED: N_("Goods leave the stock"),
    StockPosition.IN_RETURN: N_("Goods are on their way back"),
}


@dataclass(frozen=True, slots=True)
class OnStage:
    """A stage and what happens when an order enters it."""

    stage: Stage
    automations: Sequence[Automation]

    @property
    def stock(self) -> str:
        """What its state does with the goods; a stage without a state leaves them alone."""
        state = self.stage.state
        if state is None:
            return gettext(N_("Nothing changes"))
        return gettext(STOCK[stock.WANTED[state][0]])


def listed() -> list[tuple[Pipeline, list[OnStage]]]:
    """Every pipeline with its stages in order; a stage that is gone only while something hangs on
    it."""
    by_stage: dict[UUID, list[Automation]] = defaultdict(list)
    for automation in automations.listed():
        by_stage[automation.stage_id].append(automation)
    return [
        (
            pipeline,
            [
                OnStage(stage, by_stage[stage.id])
                for stage in pipeline.every_stage
                if (stage.active and stage.deleted_at is None) or stage.id in by_stage
            ],
        )
        for pipeline in board.pipelines()
    ]
