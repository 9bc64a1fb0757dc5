"""The pipeline as the merchant shapes it: its stages, what each means, where orders may go."""

from flask import Blueprint

pages = Blueprint("pipeline", __name__)

from inbox.pipeline import moves, opening, stage, stages  # noqa: E402 - they hang on `pages`

__all__ = ["moves", "opening", "pages", "stage", "stages"]
