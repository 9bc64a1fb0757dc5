"""What bin/dev, bin/test and bin/ci share: standard library only, for whatever python3 is there."""

import os
import sys

# Any Python 3 must be able to read this file and say why it cannot go on: no newer syntax here.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "Wasl needs Python 3.11 or newer and this is %d.%d: run it with a newer one, for example "  # noqa: UP031
        "python3.13 %s." % (sys.version_info[0], sys.version_info[1], sys.argv[0])
    )
if os.name == "nt":
    sys.exit("Wasl runs on Linux and macOS: on Windows, run it inside WSL.")
