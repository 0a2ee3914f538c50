"""What `bench_pages` measures beside pages: an export's memory, and how soon an open page hears."""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from uuid import UUID

from channels.testing import WebsocketCommunicator

from analytics.exports import Dataset, chunks
from analytics.formats import FORMATS, written
from chat import bell
from chat.models import User
from chat.staff import StaffConsumer

QUIET_SECONDS = 0.2
# chat-admin/live.js: an open page waits so long between two readings, or twice what one took.
GAP_MS, SHARE = 500, 2


@dataclass(frozen=True)
class Exported:
    """A whole table written as CSV to nowhere; memory of the process beyond its first chunk."""

    rows: int
    mb: float
    seconds: float
    grown_mb: float


@dataclass(frozen=True)
class Heard:
    """From a change in a conversation to the first frame at a staff socket."""

    p50_ms: float
    p95_ms: float

    def shown_ms(self, page_ms: float) -> float:
        """By when a page that takes `page_ms` shows the change, if it was read just before."""
        return round(self.p95_ms + max(GAP_MS, SHARE * page_ms) + page_ms, 1)


async def export(table: Dataset) -> Exported:
    """Write all of the table, as a download does."""
    began, rows, size, first, most = time.perf_counter(), 0, 0, None, 0.0
    async for text in written(table.columns, chunks(table), FORMATS["csv"].text):
        rows += text.count("\r\n")
        size += len(text.encode())
        if rows > 1:  # the names of the columns come first
            now = _resident_mb()
            first, most = now if first is None else first, max(most, now)
    return Exported(
        rows=rows - 1,
        mb=round(size / 1e6, 1),
        seconds=round(time.perf_counter() - began, 1),
        grown_mb=round(most - (first or most), 1),
    )


async def ring(user: User, conversation: UUID, rounds: int) -> Heard:
    """Ring the bell of a conversation for a socket of `user`."""
    socket = WebsocketCommunicator(
        StaffConsumer.as_asgi(),
        "/ws/staff/",
        headers=[(b"host", b"testserver"), (b"origin", b"http://testserver")],
    )
    socket.scope["user"] = user
    await socket.connect()
    await _ring_once(socket, conversation)  # brings every row
    times = [await _ring_once(socket, conversation) for _ in range(rounds)]
    await socket.disconnect()
    p95 = quantiles(times, n=20, method="inclusive")[-1]
    return Heard(round(median(times), 1), round(p95, 1))


async def _ring_once(socket: WebsocketCommunicator, conversation: UUID) -> float:
    began = time.perf_counter()
    await bell.ring(conversation)
    await socket.receive_from(10)
    took = 1000 * (time.perf_counter() - began)
    while not await socket.receive_nothing(QUIET_SECONDS):
        await socket.receive_from()
    return took


def _resident_mb() -> float:
    """Memory of this process; Linux only, 0 elsewhere."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)
