"""A network line that a test can cut: a TCP proxy before the real server."""

import socket
import threading
from contextlib import suppress


class Line:
    """Listens on a free port of 127.0.0.1 and passes everything on to `target`, unless cut."""

    def __init__(self, target: int):
        self._target = target
        self._is_cut = False
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break what is open, in the middle of whatever passes, and let nothing new through."""
        with self._lock:
            self._is_cut = True
            ends, self._open = self._open, set()
        for each in ends:
            _close(each)

    def mend(self) -> None:
        with self._lock:
            self._is_cut = False

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:  # closed
                return
            self._connect(near)

    def _connect(self, near: socket.socket) -> None:
        with self._lock:
            if self._is_cut:
                _close(near)
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            self._open |= {near, far}
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):  # cut: both ends are told below
        while data := source.recv(65536):
            sink.sendall(data)
    _close(source)
    _close(sink)


def _close(end: socket.socket) -> None:
    with suppress(OSError):  # the other end was quicker
        end.shutdown(socket.SHUT_RDWR)
    end.close()
