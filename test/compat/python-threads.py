#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Probe: threads of Python: queues, locks, pools, local data
# Expect: container=yes sentry=yes
# Needs: python3
import queue
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

jobs, done = queue.Queue(10), queue.Queue()
local = threading.local()


def work():
    local.n = 0
    while (job := jobs.get()) is not None:
        local.n += 1
        done.put(job * job)
    done.put(-local.n)


threads = [threading.Thread(target=work) for _ in range(8)]
for t in threads:
    t.start()
for i in range(2000):
    jobs.put(i)
for t in threads:
    jobs.put(None)
for t in threads:
    t.join(30)
    assert not t.is_alive()
got = [done.get() for _ in range(2008)]
assert sum(g for g in got if g > 0) == sum(i * i for i in range(2000))
assert sum(g for g in got if g < 0) == -2000

with ThreadPoolExecutor(8) as pool:
    # a process started from threads
    outs = list(pool.map(lambda i: subprocess.check_output(["echo", str(i)]), range(24)))
assert [int(o) for o in outs] == list(range(24))

event = threading.Event()
threading.Timer(0.05, event.set).start()
start = time.monotonic()
assert event.wait(10) and time.monotonic() - start >= 0.05
