"""A whole install in one folder, taken while it works, and an install made of it again."""

from flows.backups.archive import Impossible, Manifest
from flows.backups.holding import Held
from flows.backups.restoring import Restored, restore
from flows.backups.taking import take

__all__ = ["Held", "Impossible", "Manifest", "Restored", "restore", "take"]
