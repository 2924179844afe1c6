"""`gate load` on a terminal: a run of half an hour must not look as if it hung."""

from __future__ import annotations

import os
import pty
import re
import threading

from tests.load.servers import service
from tests.load.support import profile, start


def read_all(terminal: int, into: list[bytes]) -> None:
    """Until the last one who writes has closed it."""
    while True:
        try:
            into.append(os.read(terminal, 65536))
        except OSError:  # how Linux says that nobody is left
            return


def test_a_terminal_shows_how_much_of_the_time_has_passed_and_nothing_is_left_of_it(tmp_path):
    profile(tmp_path, 40, 2.5)
    terminal, theirs = pty.openpty()
    seen: list[bytes] = []
    reader = threading.Thread(target=read_all, args=(terminal, seen))
    with service() as server, start(tmp_path, server.url, TERM="xterm", COLUMNS="80", stderr=theirs) as process:
        os.close(theirs)
        reader.start()
        out, _ = process.communicate(timeout=60)
        reader.join(10)
    os.close(terminal)
    text = b"".join(seen).decode()
    assert process.returncode == 0, text
    assert len(set(re.findall(r"(\d) of 2 s|(\d) of 3 s", text))) >= 2, text  # it moves
    assert "\x1b[2K" in text.split("of 2 s")[-1]  # and it is taken away
    assert "\x1b" not in out
