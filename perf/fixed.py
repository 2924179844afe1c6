"""The fastest fixed service that Python alone makes: every request gets the same bytes, so that whoever asks is the slower one.

    python perf/fixed.py PORT_FILE

One process, one thread, an epoll loop (Linux). It looks at nothing but the ends of request heads, so requests must have no body.
`GET /answered` is answered with how many others have been.
"""

from __future__ import annotations

import select
import socket
import sys
from pathlib import Path

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
ANSWER = HEAD + b'23\r\n\r\n{"status":"completed"}\n'
END, ASKED = b"\r\n\r\n", b"GET /answered "
AT_MOST = 65536  # bytes read at once


class Fixed:
    """The service on a listening socket."""

    def __init__(self, listener: socket.socket) -> None:
        listener.setblocking(False)  # noqa: FBT003 - socket's signature
        self._listener, self._answered = listener, 0
        self._connections: dict[int, socket.socket] = {}
        self._epoll = select.epoll()
        self._epoll.register(listener.fileno(), select.EPOLLIN)

    def serve(self) -> None:
        """Until killed."""
        connections, poll, own = self._connections, self._epoll.poll, self._listener.fileno()
        while True:
            for number, _ in poll():
                if number == own:
                    self._accept()
                    continue
                connection = connections[number]
                try:
                    data = connection.recv(AT_MOST)
                    if not data:
                        self._forget(number)
                    elif data.startswith(ASKED):
                        body = str(self._answered).encode()
                        connection.send(HEAD + str(len(body)).encode() + END + body)
                    else:
                        count = data.count(END)
                        self._answered += count
                        connection.send(ANSWER * count)
                except OSError:
                    self._forget(number)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setblocking(False)  # noqa: FBT003 - socket's signature
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[connection.fileno()] = connection
        self._epoll.register(connection.fileno(), select.EPOLLIN)

    def _forget(self, number: int) -> None:
        self._epoll.unregister(number)
        self._connections.pop(number).close()


def main() -> None:
    """Serve on a free port, whose number is written to the file."""
    (path,) = map(Path, sys.argv[1:])
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        path.with_suffix(".new").write_text(str(listener.getsockname()[1]))
        path.with_suffix(".new").rename(path)
        Fixed(listener).serve()


if __name__ == "__main__":
    main()
