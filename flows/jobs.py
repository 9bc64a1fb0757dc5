"""What the chores worker is called for, by name: load, call the flow, nothing else."""

from __future__ import annotations
