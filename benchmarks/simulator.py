"""`simulator_sends`: sends that the WhatsApp simulator accepts per second of one core, their statuses told included.

The simulator stands in for the platform in every other measurement, so it must never be what is measured: at least
3,000 sends a second on one core. Ours is the simulator's own process, with its checks, limits, log and the webhooks of
sent, delivered and read. Plain is a stub of the standard library that answers every request with the same accepted
message; limit is aiohttp's bare server doing that. Each is a process pinned to one core, and what counts is the
processor time it spent, so that a busy machine does not lower the figure. `python -m benchmarks.simulator` prints it.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psutil
from aiohttp import web

from benchmarks.frame import Result, rounds

NUMBER = "106540352242922"
CONNECTIONS = 32
COUNTS = {"ours": 10_000, "plain": 3_000, "limit": 10_000}
ANSWER = json.dumps(
    {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "+886912345678", "wa_id": "886912345678"}],
        "messages": [{"id": "wamid.HBgMODg2OTEyMzQ1Njc4FQIAERgSMA==", "message_status": "accepted"}],
    }
).encode()


def simulator_sends(full: bool) -> Result:
    """Rounds of ours, plain and limit; a template with three parameters each time, to a person not met before."""
    measures = {name: partial(_measure, name) for name in COUNTS}
    medians = rounds(measures, 7 if full else 3)
    return Result(
        what="template sends accepted by the simulator, webhooks told, per second of one core",
        unit="sends/s",
        ours=medians["ours"],
        plain=medians["plain"],
        limit=medians["limit"],
    )


def _measure(name: str) -> float:
    return asyncio.run(_run(name, COUNTS[name]))


async def _run(name: str, count: int) -> float:
    sink = await asyncio.get_running_loop().create_server(Webhook, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{sink.sockets[0].getsockname()[1]}/webhook"
    async with sink:
        with _server(name, address) as (process, port):
            if name == "ours":
                await asyncio.to_thread(_unlimited, port)
            before = _spent(process)
            queue = iter([_request(number) for number in range(count)])
            await asyncio.gather(*(_send(port, queue) for _ in range(CONNECTIONS)))
            if name == "ours":
                await asyncio.to_thread(_all_told, port, count)
            return count / (_spent(process) - before)


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def _server(name: str, callback_url: str) -> Iterator[tuple[psutil.Process, int]]:
    module = ["syncer.simulators.whatsapp", "--callback-url", callback_url, "--throughput", "0"]
    command = [sys.executable, "-m", *(module if name == "ours" else ["benchmarks.simulator", name])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(":")[2])
        measured = psutil.Process(process.pid)
        measured.cpu_affinity(measured.cpu_affinity()[:1])
        yield measured, port
        process.terminate()


def _unlimited(port: int) -> None:
    pace = {"sent": [0, 0.1], "delivered": [0, 0.1], "read": [0, 0.2]}
    body = json.dumps({"limits": {"messaging_limit": 0}, "statuses": pace}).encode()
    urllib.request.urlopen(f"http://127.0.0.1:{port}/_sim/settings", body, timeout=10).close()


def _all_told(port: int, count: int) -> None:
    """Return once every status was delivered; nothing may be missing."""
    deadline = time.monotonic() + 60
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_sim/stats?recipients=0", timeout=10) as answer:
            stats = json.load(answer)
        if not any(stats["backlog"].values()):
            break
        assert time.monotonic() < deadline, f"not told in time: {stats}"
        time.sleep(0.05)
    told = sum(stats["statuses"].values())
    assert stats["sends"]["accepted"] == count, stats["sends"]
    assert stats["callbacks"]["items_answered"] == told >= 2 * count, stats


def _request(number: int) -> bytes:
    parameters = [{"type": "text", "text": text} for text in ("王小明", f"A{number}", "1,280")]
    template = {"name": "order_confirmation", "language": {"code": "zh_TW"}}
    body = json.dumps(
        {
            "messaging_product": "whatsapp",
            "to": f"+8869{number:08d}",
            "type": "template",
            "biz_opaque_callback_data": f"outbox-{number}",
            "template": {**template, "components": [{"type": "body", "parameters": parameters}]},
        }
    ).encode()
    head = (
        f"POST /v25.0/{NUMBER}/messages HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer simulator-access-token\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _send(port: int, queue: Iterator[bytes]) -> None:
    """One kept-alive connection that sends as fast as it is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in queue:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
            sys.exit(f"not accepted: {head!r}")
        await reader.readexactly(_length(head))
    writer.close()


class Webhook(asyncio.Protocol):
    """The business's webhook: every delivery is answered 200."""

    def connection_made(self, transport: Any) -> None:
        """Begin with nothing."""
        self._transport, self._come = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer once the delivery is whole."""
        self._come += data
        head, end, body = self._come.partition(b"\r\n\r\n")
        if end and len(body) >= _length(head):
            self._come = b""
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))


class Stub(BaseHTTPRequestHandler):
    """The plain way: the standard library, a thread a connection."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer whatever comes."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet."""


async def _bare() -> None:
    """The limit: aiohttp, without a thought."""

    async def same(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(body=ANSWER, content_type="application/json")

    runner = web.ServerRunner(web.Server(same, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"listening on http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


def _serve(name: str) -> None:
    if name == "plain":
        with ThreadingHTTPServer(("127.0.0.1", 0), Stub) as server:
            print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
            server.serve_forever()
    import uvloop

    uvloop.run(_bare())


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1] in COUNTS:
        _serve(sys.argv[1])
    found = simulator_sends("--full" in sys.argv)
    print(
        f"{found.ours:,.0f} sends/s on one core of {os.cpu_count()}; {found.plain:,.0f} plain; {found.limit:,.0f} bare"
    )
