"""Visitors over HTTP/3 for some seconds, and how many of their requests failed.

    http3_load.py HOST ADDRESS PORT CA.pem SECONDS

Some come anew for every few requests, some stay until they hear GOAWAY, and one reads a long answer. The last line of the
output is `N requests over HTTP/3, N of them failed, N generations of N connections`: a generation is told by the first
byte of the connection ids that the edge gives out.
"""

import asyncio
import sys
import time

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamReset

PATIENCE = 20
PAUSE = 0.005
GOAWAY = 7


class Http(H3Connection):
    """Hears GOAWAY, which the library passes over."""

    is_over = False

    def _check_control_frame_type(self, frame_type):
        self.is_over = self.is_over or frame_type == GOAWAY
        super()._check_control_frame_type(frame_type)


class Visitor(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = Http(self._quic)
        self.answers = {}

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            self.http.is_over = True
            for ended in self.answers.values():
                self.settle(ended, event)
        elif isinstance(event, StreamReset) and event.stream_id in self.answers:
            self.settle(self.answers[event.stream_id], event)
        for told in self.http.handle_event(event):
            ended = self.answers.get(getattr(told, "stream_id", None))
            if ended is None:
                continue
            if isinstance(told, HeadersReceived) and dict(told.headers)[b":status"] != b"200":
                self.settle(ended, told.headers)
            if told.stream_ended and not ended.done():
                ended.set_result(None)

    def settle(self, ended, problem):
        if not ended.done():
            ended.set_exception(RuntimeError(repr(problem)))

    async def ask(self, host, path):
        stream = self._quic.get_next_available_stream_id()
        ended = self.answers[stream] = asyncio.get_running_loop().create_future()
        fields = [(":method", "GET"), (":scheme", "https"), (":authority", host), (":path", path)]
        self.http.send_headers(stream, [(name.encode(), value.encode()) for name, value in fields], end_stream=True)
        self.transmit()
        try:
            await asyncio.wait_for(ended, PATIENCE)
        finally:
            del self.answers[stream]


class Load:
    def __init__(self, host, address, port, authority, seconds):
        self.host, self.address, self.port = host, address, int(port)
        self.settings = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=host)
        self.settings.load_verify_locations(cafile=authority)
        self.until = time.monotonic() + float(seconds)
        self.asked, self.failures, self.generations, self.connections = 0, [], set(), 0

    def goes_on(self):
        return time.monotonic() < self.until

    async def visit(self, path, requests):
        """One connection, for so many requests or until its end is announced."""
        self.asked += 1
        begun = 0
        try:
            async with connect(
                self.address, self.port, configuration=self.settings, create_protocol=Visitor
            ) as visitor:
                self.connections += 1
                while begun == 0 or (begun < requests and self.goes_on() and not visitor.http.is_over):
                    self.asked += begun > 0
                    begun += 1
                    await visitor.ask(self.host, path)
                    await asyncio.sleep(PAUSE)
                self.generations.add(visitor._quic._peer_cid.cid[0])
        except Exception as error:
            self.failures.append(f"{path}, request {begun}: {error!r}")

    async def visits(self, path, requests):
        while self.goes_on():
            await self.visit(path, requests)

    async def run(self):
        kinds = [("/news", 3), ("/news", 3), ("/fresh", 10**9), ("/news", 10**9), ("/slow", 1)]
        await asyncio.gather(*(self.visits(path, requests) for path, requests in kinds))
        for failure in self.failures:
            print(failure)
        print(
            f"{self.asked} requests over HTTP/3, {len(self.failures)} of them failed,"
            f" {len(self.generations)} generations of {self.connections} connections"
        )


asyncio.run(Load(*sys.argv[1:]).run())
