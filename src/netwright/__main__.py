"""``netwright`` and ``python -m netwright``."""

from __future__ import annotations

import time

NOW = time.monotonic()  # before any other import, since their time counts towards a time limit


def main() -> None:
    """Runs the command line and exits with its code."""
    import gc
    import os
    import sys
    import warnings

    gc.set_threshold(50_000, 20, 20)  # imports make many objects and no garbage
    from netwright.cli.app import main as run

    if "--debug" not in sys.argv and not sys.warnoptions:
        warnings.simplefilter("ignore")  # of libraries, meant for programmers
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal without UTF-8
    code = run(sys.argv[1:], began=NOW - _age())
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        pass  # whoever read has gone
    os._exit(code)  # taking the imported libraries down one by one takes a second


def _age() -> float:
    """Seconds from the start of the process to `NOW`."""
    import os

    try:
        with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        start = ticks / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - start - (time.monotonic() - NOW)
    except (OSError, AttributeError):  # not Linux: little else was waited for than the processor
        return time.process_time()


if __name__ == "__main__":
    main()
