"""What people read: steps with their time, one log for all programs, refusals in one sentence."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

COLOURS = (36, 32, 33, 35, 34, 96, 92, 95)
_one_at_a_time = threading.Lock()


class Refused(Exception):
    """A person must do something first; the message is one sentence that says what."""


def script(main: Callable[[list[str]], int]) -> NoReturn:
    """Ends with main's exit code; a refusal is one sentence and 1, an interruption 130."""
    # A shell's "&" has SIGINT ignored, and SIGTERM must clean up just as Ctrl-C does.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except Refused as sentence:
        sys.exit(str(sentence))
    except KeyboardInterrupt:
        sys.exit(130)


def out(text: str = "", end: str = "\n") -> None:
    """Prints at once; a reader that went away (bin/dev | head) stops nothing."""
    with _one_at_a_time, contextlib.suppress(OSError):
        sys.stdout.write(text + end)
        sys.stdout.flush()


def log(name: str, line: str) -> None:
    """One line of the common log, marked with the program it comes from."""
    mark = f"{name:>9} |"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        mark = f"\x1b[{COLOURS[zlib.crc32(name.encode()) % len(COLOURS)]}m{mark}\x1b[0m"
    out(f"{mark} {line}")


@contextmanager
def step(title: str) -> Iterator[None]:
    """Says what is being done, a dot every two seconds meanwhile, and how long it took."""
    begun, done = time.monotonic(), threading.Event()
    dots = threading.Thread(target=_dots, args=(done,), daemon=True)
    out(f"  {title} ", end="")
    dots.start()
    ending = ""
    try:
        yield
        ending = f" {time.monotonic() - begun:.1f} s"
    finally:
        done.set()
        dots.join()
        out(ending)


def _dots(done: threading.Event) -> None:
    while not done.wait(2):
        out(".", end="")
