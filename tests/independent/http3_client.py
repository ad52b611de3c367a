"""A visitor over HTTP/3 that shares no code with the edge: aioquic.

    http3_client.py HOST ADDRESS PORT CA.pem < requests.json > answers.json

Requests are a list of {"method", "path", "fields": [[name, value]], "content": text or null}; answers come in the same
order as {"status", "fields", "body"}, all over one connection.
"""

import asyncio
import json
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamReset

PATIENCE = 30


class Visitor(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.answers = {}

    def quic_event_received(self, event):
        if isinstance(event, (StreamReset, ConnectionTerminated)):
            self.fail(event)
        for told in self.http.handle_event(event):
            self.take(told)

    def take(self, told):
        answer = self.answers.get(getattr(told, "stream_id", None))
        if answer is None:
            return
        if isinstance(told, HeadersReceived):
            fields = [[name.decode(), value.decode("latin-1")] for name, value in told.headers]
            status = dict(fields).get(":status")
            if status is None:
                answer["trailers"] = fields
            elif not status.startswith("1"):
                answer["status"] = int(status)
                answer["fields"] = [field for field in fields if not field[0].startswith(":")]
        elif isinstance(told, DataReceived):
            answer["body"] += told.data
        if told.stream_ended and not answer["ended"].done():
            answer["ended"].set_result(None)

    def fail(self, event):
        for answer in self.answers.values():
            if not answer["ended"].done():
                answer["ended"].set_exception(RuntimeError(repr(event)))

    async def ask(self, host, request):
        stream = self._quic.get_next_available_stream_id()
        ended = asyncio.get_running_loop().create_future()
        answer = self.answers[stream] = {"status": 0, "fields": [], "body": b"", "ended": ended}
        content = request["content"]
        fields = [(":method", request["method"]), (":scheme", "https"), (":authority", host), (":path", request["path"])]
        fields += [tuple(field) for field in request["fields"]]
        if content is not None:
            fields.append(("content-length", str(len(content))))
        coded = [(name.encode(), value.encode()) for name, value in fields]
        self.http.send_headers(stream, coded, end_stream=not content)
        if content:
            self.http.send_data(stream, content.encode(), end_stream=True)
        self.transmit()
        await asyncio.wait_for(ended, PATIENCE)
        return {"status": answer["status"], "fields": answer["fields"], "body": answer["body"].decode("latin-1")}


async def main():
    host, address, port, authority = sys.argv[1:]
    requests = json.load(sys.stdin)
    settings = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=host)
    settings.load_verify_locations(cafile=authority)
    async with connect(address, int(port), configuration=settings, create_protocol=Visitor) as visitor:
        answers = [await visitor.ask(host, request) for request in requests]
    json.dump(answers, sys.stdout)


asyncio.run(main())
