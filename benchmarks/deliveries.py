"""The platform's side of the webhook benches: a process that delivers, signed, over connections that are kept open.

`python -m benchmarks.deliveries PORT COUNT ITEMS RATE CONNECTIONS SECRET NUMBER` delivers COUNT times ITEMS items, RATE
deliveries a second (0: as fast as they are answered), and prints what it measured as JSON. It imports nothing of the
engine and makes every request before the first one leaves: it shares the cores with what it measures.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import uvloop


def body(run_id: str, number: int, items: int, phone_number_id: str) -> bytes:
    """The `number`-th delivery of a run: customers' messages and as many statuses, at least one message."""
    first = number * items
    messages = [_message(run_id, n) for n in range(first, first + (items + 1) // 2)]
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": phone_number_id},
        "contacts": [{"profile": {"name": "王小明"}, "wa_id": message["from"]} for message in messages],
        "messages": messages,
    }
    if items > 1:
        value["statuses"] = [_status(run_id, n) for n in range(first + len(messages), first + items)]
    entry = {"id": "102290129340398", "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def _message(run_id: str, number: int) -> dict[str, Any]:
    return {
        "from": _wa_id(number),
        "id": f"wamid.{run_id}.{number}",
        "timestamp": str(int(time.time())),
        "type": "text",
        "text": {"body": "請問我的訂單什麼時候會到？"},
    }


def _status(run_id: str, number: int) -> dict[str, Any]:
    return {
        "id": f"wamid.{run_id}.{number}",
        "status": "delivered",
        "timestamp": str(int(time.time())),
        "recipient_id": _wa_id(number),
        "biz_opaque_callback_data": f"{run_id}.{number}.1",
        "pricing": {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "utility"},
    }


def _wa_id(number: int) -> str:
    return f"8869{number % 100_000_000:08d}"


def request(told: bytes, secret: str) -> bytes:
    """A delivery as it goes over the wire."""
    signature = hmac.digest(secret.encode(), told, "sha256").hex()
    head = (
        f"POST /webhooks/whatsapp HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(told)}\r\n\r\n"
    )
    return head.encode() + told


class Sender(asyncio.Protocol):
    """One kept-alive connection with at most one delivery under way."""

    def __init__(self, load: Load) -> None:
        self._load = load

    def connection_made(self, transport: Any) -> None:
        """Wait for work."""
        self._transport = transport
        self._load.idle(self)

    def send(self, told: bytes, due: float) -> None:
        """Deliver; its time counts from `due`."""
        self._due = due
        self._transport.write(told)

    def data_received(self, data: bytes) -> None:
        """An acknowledgement has no body, so it comes in one piece."""
        if not data.startswith(b"HTTP/1.1 200") or not data.endswith(b"\r\n\r\n"):
            sys.exit(f"not acknowledged: {data!r}")
        self._load.seconds.append(time.perf_counter() - self._due)
        self._load.idle(self)


class Load:
    """All deliveries of one run: as fast as they are answered, or `rate` a second whether they are or not."""

    def __init__(self, requests: Sequence[bytes], rate: float) -> None:
        self.seconds: list[float] = []
        self._requests = requests
        self._rate = rate
        self._next = 0
        self._free: list[Sender] = []
        self._started = 0.0
        self._done = asyncio.Event()

    async def run(self, port: int, connections: int) -> float:
        """Seconds that it took."""
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            await loop.create_connection(lambda: Sender(self), "127.0.0.1", port)
        self._started = time.perf_counter()
        if self._rate:
            while self._next < len(self._requests):
                self._send()
                now = time.perf_counter()
                await asyncio.sleep(max(0.0, self._due(now) - now))
        else:
            self._send()
        await self._done.wait()
        return time.perf_counter() - self._started

    def idle(self, sender: Sender) -> None:
        """This connection is free."""
        self._free.append(sender)
        if len(self.seconds) == len(self._requests):
            self._done.set()
        elif self._started:
            self._send()

    def _due(self, now: float) -> float:
        return self._started + self._next / self._rate if self._rate else now

    def _send(self) -> None:
        """Whatever is due by now and finds a free connection."""
        now = time.perf_counter()
        while self._free and self._next < len(self._requests) and (due := self._due(now)) <= now:
            self._free.pop().send(self._requests[self._next], due)
            self._next += 1


async def main(port: int, count: int, items: int, rate: float, connections: int, secret: str, number: str) -> None:
    """One run; `took` and each delivery's `seconds` go to stdout."""
    run_id = f"{time.time_ns():x}"
    load = Load([request(body(run_id, n, items, number), secret) for n in range(count)], rate)
    took = await load.run(port, connections)
    print(json.dumps({"took": took, "seconds": load.seconds}))


if __name__ == "__main__":
    _port, _count, _items, _rate, _connections, *_names = sys.argv[1:]
    uvloop.run(main(int(_port), int(_count), int(_items), float(_rate), int(_connections), *_names))
