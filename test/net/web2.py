# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 as the world speaks it: an echo with trailers, as gRPC has them."""
import hashlib
import json

try:
    import h2.config
    import h2.connection
    import h2.events
except ImportError:
    h2 = None

WINDOW = 1 << 22


def serve(sock, note, big):
    """One connection. 'note' is called with each request; 'big' gives bytes for /big?n=N."""
    conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
    conn.initiate_connection()
    conn.increment_flow_control_window(WINDOW)
    sock.sendall(conn.data_to_send())
    streams, waiting = {}, {}

    def push(sid):
        data, at = waiting[sid]
        while at < len(data):
            n = min(conn.local_flow_control_window(sid), conn.max_outbound_frame_size, len(data) - at)
            if n <= 0:
                waiting[sid] = (data, at)
                return
            conn.send_data(sid, data[at:at + n])
            at += n
        del waiting[sid]
        conn.send_headers(sid, [("grpc-status", "0"), ("grpc-message", "fine")], end_stream=True)

    def answer(sid):
        headers, digest, length = streams.pop(sid)
        fields = dict(headers)
        note({"method": fields[":method"], "path": fields[":path"], "http2": True, "tls": True,
              "headers": [list(h) for h in headers], "length": length, "sha256": digest.hexdigest()})
        body = json.dumps({"http": 2, "method": fields[":method"], "path": fields[":path"], "length": length,
                           "sha256": digest.hexdigest(), "headers": fields}).encode() + b"\n"
        if fields[":path"].startswith("/big?n="):
            body = big(int(fields[":path"][7:]))
        conn.send_headers(sid, [(":status", "200"), ("content-type", "application/grpc"),
                                ("trailer", "grpc-status, grpc-message")])
        waiting[sid] = (body, 0)
        push(sid)

    while data := sock.recv(1 << 16):
        for ev in conn.receive_data(data):
            if isinstance(ev, h2.events.RequestReceived):
                streams[ev.stream_id] = [ev.headers, hashlib.sha256(), 0]
            elif isinstance(ev, h2.events.DataReceived):
                s = streams[ev.stream_id]
                s[1].update(ev.data)
                s[2] += len(ev.data)
                conn.acknowledge_received_data(ev.flow_controlled_length, ev.stream_id)
            elif isinstance(ev, h2.events.StreamEnded):
                answer(ev.stream_id)
            elif isinstance(ev, h2.events.StreamReset):
                streams.pop(ev.stream_id, None)
                waiting.pop(ev.stream_id, None)
            elif isinstance(ev, (h2.events.WindowUpdated, h2.events.RemoteSettingsChanged)):
                for sid in list(waiting):
                    push(sid)
        sock.sendall(conn.data_to_send())
