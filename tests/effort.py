"""How hard the tests that search for examples try: WASL_EXAMPLES=500 for a long night."""

from __future__ import annotations

import os


def examples(usual: int) -> int:
    """How many examples to try: the usual few, or as many as WASL_EXAMPLES says."""
    return int(os.environ.get("WASL_EXAMPLES", usual))
