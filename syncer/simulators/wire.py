"""A wire to a server that stands elsewhere: bytes take their time, answers get lost, or nobody is reached at all."""

from __future__ import annotations

import asyncio
import logging

from syncer.simulators.serving import RunningServer

log = logging.getLogger(__name__)

_PIECE = 256 * 1024


class Wire:
    """Passes on what comes to `port` (0: a free one, known once it is `open`) to `to_port` of this machine. `latency`
    is how many seconds question and answer are on their way together. After `answers_left` more pieces of answers
    (None: without end) questions still arrive, and the connection ends in place of the answer."""

    def __init__(self, to_port: int, port: int = 0, host: str = "127.0.0.1") -> None:
        self.host, self.port, self.to_port = host, port, to_port
        self.latency = 0.0
        self.answers_left: int | None = None
        self._server: RunningServer | None = None

    def open(self) -> None:
        """Let connections in; at the same port as before. Raises `OSError` when it is taken."""
        if self._server is None:
            self._server = RunningServer(lambda: _End(self), name="wire")
            self.port = int(self._server.url.rpartition(":")[2])

    def takes_an_answer(self) -> bool:
        """Whether one more comes through; counts it."""
        if self.answers_left is None:
            return True
        self.answers_left = max(self.answers_left - 1, -1)
        return self.answers_left >= 0

    def close(self) -> None:
        """Cut all connections; whoever comes is refused."""
        if self._server is not None:
            self._server.stop()
            self._server = None


class _End:
    """The end of the wire that listens."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()
        self.url = ""

    async def open(self) -> None:
        """Listen."""
        wire = self._wire
        self._server = await asyncio.start_server(self._take, wire.host, wire.port, reuse_address=True)
        self.url = f"tcp://{wire.host}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Cut everything."""
        if self._server is not None:
            self._server.close()
        lines = list(self._lines)
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.get_running_loop().create_task(self._line(reader, writer))
        self._lines.add(line)
        line.add_done_callback(self._lines.discard)

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection; whichever way ends first ends it."""
        ends = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection(self._wire.host, self._wire.to_port)
            ends.append(far_writer)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pass_on(reader, far_writer, answers=False))
                ways.create_task(self._pass_on(far_reader, writer, answers=True))
        except* (OSError, _Over) as ended:
            log.debug("a line of the wire has ended: %r", ended.exceptions)
        finally:
            for one in ends:
                one.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        while piece := await reader.read(_PIECE):
            if self._wire.latency:
                await asyncio.sleep(self._wire.latency / 2)
            if answers and not self._wire.takes_an_answer():
                break
            writer.write(piece)
            await writer.drain()
        raise _Over


class _Over(Exception):
    """One way of a connection has ended."""
