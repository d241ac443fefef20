#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Probe: asyncio: servers, sub-processes, signals, timers, threads
# Expect: container=yes sentry=yes
# Needs: python3
import asyncio
import os
import signal


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def talk(connect, size):
    reader, writer = await connect
    text = os.urandom(size)
    writer.write(text)
    writer.write_eof()
    assert await reader.read(-1) == text
    writer.close()


async def main():
    tcp = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = tcp.sockets[0].getsockname()[1]
    unix = await asyncio.start_unix_server(echo, "asyncio.sock")
    await asyncio.gather(*(talk(asyncio.open_connection("127.0.0.1", port), 20000) for _ in range(40)),
                         *(talk(asyncio.open_unix_connection("asyncio.sock"), 20000) for _ in range(40)))
    tcp.close()
    unix.close()

    ran = await asyncio.gather(*(asyncio.create_subprocess_exec(
        "sh", "-c", f"echo out{i}; echo err >&2; exit {i}",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE) for i in range(8)))
    for i, p in enumerate(ran):
        out, err = await p.communicate()
        assert (out, err, p.returncode) == (f"out{i}\n".encode(), b"err\n", i)

    got = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, got.set)
    os.kill(os.getpid(), signal.SIGUSR2)
    await asyncio.wait_for(got.wait(), 5)
    try:
        await asyncio.wait_for(asyncio.sleep(10), 0.05)
        raise SystemExit("a timeout did not come")
    except asyncio.TimeoutError:
        pass
    assert await asyncio.to_thread(sum, range(10)) == 45


asyncio.run(main())
os.unlink("asyncio.sock") if os.path.exists("asyncio.sock") else None
