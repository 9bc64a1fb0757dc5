"""Bodies as Meta documents them: ours here, the long list beside the project where it is there."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
OURS = HERE / "fixtures" / "webhooks"
OFFICIAL = HERE.parents[1] / "shared" / "fixtures" / "webhooks"
SENT = HERE / "fixtures" / "whatsapp_send_examples.json"
