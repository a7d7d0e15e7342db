"""The program: ``earful`` and ``python -m pipelines``."""

import os
import signal
import sys
import threading
from contextlib import suppress


def main() -> None:
    """Run the command line and exit with its code."""
    # What is written holds customers' words: it is the user's alone, whatever file it is.
    os.umask(0o077)
    _mend_streams()
    deliver_lost_interrupts()
    try:
        from pipelines.cli.app import STOPPED, run_app

        code = run_app()
    except KeyboardInterrupt:  # while the program was still being loaded, or for the second time
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with suppress(OSError):
            os.write(sys.stderr.fileno(), b"stopped\n")
        os._exit(1)
    if code != STOPPED:
        sys.exit(code)
    # A KeyboardInterrupt that passed through code which C libraries run makes Python kill itself
    # with SIGINT at its end, although we caught it: leave before that, with our own exit code.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def deliver_lost_interrupts() -> None:
    """Raise a KeyboardInterrupt again that came while an object was being removed.

    Python prints what is raised there, and goes on as if nobody had pressed Ctrl-C.
    """
    usual = sys.unraisablehook

    def deliver(lost: "sys.UnraisableHookArgs") -> None:
        if lost.exc_type is KeyboardInterrupt:
            # Not here: raised in this function it would be lost again.
            threading.Timer(0.01, _interrupt_main_thread).start()
        else:
            usual(lost)

    sys.unraisablehook = deliver


def _interrupt_main_thread() -> None:
    """As Ctrl-C does: a wait ends too."""
    main_thread = threading.main_thread().ident
    if main_thread is not None:
        signal.pthread_kill(main_thread, signal.SIGINT)


def _mend_streams() -> None:
    """A program started without standard output or errors (`>&-`) writes them to nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 -- until the end


if __name__ == "__main__":
    main()
