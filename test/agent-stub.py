#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the Anthropic Messages API that makes an agent edit one file.

usage: agent-stub.py SOCKET FILE LOG
       agent-stub.py ADDRESS:443 FILE LOG CERT KEY

Listens on a unix socket, or with TLS on a port. The first request that offers tools is answered with a call of Read
on FILE, the next with a call of Edit, then with a closing text; requests without tools (titles
and the like) with a text. Each request's method, path and key are written to LOG.
"""
import http.server
import json
import os
import socketserver
import ssl
import sys

SOCKET, FILE, LOG = sys.argv[1:4]


def sse(events):
    return "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode()


def message(model, blocks, stop):
    """The events of one streamed message (Anthropic API reference, "Streaming messages")."""
    usage = {"input_tokens": 10, "output_tokens": 10}
    head = {"id": "msg_stub", "type": "message", "role": "assistant", "model": model,
            "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    events = [{"type": "message_start", "message": head}]
    for i, block in enumerate(blocks):
        if block["type"] == "text":
            start = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        else:
            start = {"type": "tool_use", "id": block["id"], "name": block["name"], "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        events += [{"type": "content_block_start", "index": i, "content_block": start},
                   {"type": "content_block_delta", "index": i, "delta": delta},
                   {"type": "content_block_stop", "index": i}]
    events += [{"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None},
                "usage": {"output_tokens": 10}}, {"type": "message_stop"}]
    whole = dict(head, content=blocks, stop_reason=stop)
    return events, whole


def results(request):
    """How many tool results the conversation holds."""
    n = 0
    for m in request.get("messages", []):
        if isinstance(m.get("content"), list):
            n += sum(1 for b in m["content"] if b.get("type") == "tool_result")
    return n


def answer(request):
    model = request.get("model", "stub")
    tools = {t.get("name") for t in request.get("tools", [])}
    if not {"Read", "Edit"} <= tools:
        return message(model, [{"type": "text", "text": "a title"}], "end_turn")
    steps = [("Read", {"file_path": FILE}),
             ("Edit", {"file_path": FILE, "old_string": "colour = red",
                       "new_string": "colour = blue"})]
    done = results(request)
    if done < len(steps):
        name, arguments = steps[done]
        return message(model, [{"type": "tool_use", "id": f"toolu_{done}", "name": name,
                                "input": arguments}], "tool_use")
    return message(model, [{"type": "text", "text": "The colour is blue now."}], "end_turn")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def address_string(self):
        return "unix"

    def reply(self, kind, body):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply("application/json", b"{}")

    do_HEAD = do_GET

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        with open(LOG, "a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.path} {self.headers.get('x-api-key')}\n")
        if not self.path.startswith("/v1/messages") or "count_tokens" in self.path:
            self.reply("application/json", b'{"input_tokens": 10}')
            return
        request = json.loads(body)
        events, whole = answer(request)
        if request.get("stream"):
            self.reply("text/event-stream", sse(events))
        else:
            self.reply("application/json", json.dumps(whole).encode())


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("unix", 0)


class TlsServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, where, cert, key):
        address, _, port = where.rpartition(":")
        super().__init__((address, int(port)), Handler)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)

    def finish_request(self, request, client_address):
        super().finish_request(self.context.wrap_socket(request, server_side=True), client_address)

    def handle_error(self, request, client_address):
        pass


if len(sys.argv) > 4:
    with TlsServer(SOCKET, *sys.argv[4:6]) as server:
        server.serve_forever()
if os.path.exists(SOCKET):
    os.unlink(SOCKET)
with Server(SOCKET, Handler) as server:
    os.chmod(SOCKET, 0o666)
    server.serve_forever()
