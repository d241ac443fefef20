#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Probe: SQLite with a write-ahead log: two processes write, a third reads, one is killed
# Expect: container=yes sentry=yes
# Needs: python3
# Time: 120
# In: workspace tmp
import os
import signal
import sqlite3
import sys
import time

NAME, EACH = "data.db", 150


def clean():
    for end in "", "-wal", "-shm":
        if os.path.exists(NAME + end):
            os.unlink(NAME + end)


def connect():
    return sqlite3.connect(NAME, timeout=60, isolation_level=None)


def write(who):
    db = connect()
    for i in range(EACH):
        db.execute("BEGIN IMMEDIATE")
        n = db.execute("SELECT n FROM sum").fetchone()[0]
        db.execute("UPDATE sum SET n = ?", (n + 1,))
        db.execute("INSERT INTO line VALUES (?, ?, ?)", (who, i, "x" * 200))
        db.execute("COMMIT")


def child(work, *args):
    pid = os.fork()
    if pid == 0:
        try:
            work(*args)
            os._exit(0)
        except BaseException as e:
            print(e, file=sys.stderr)
            os._exit(1)
    return pid


clean()
db = connect()
assert db.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)
db.executescript("CREATE TABLE sum (n); INSERT INTO sum VALUES (0); CREATE TABLE line (who, i, text);")
db.close()
writers = [child(write, who) for who in (1, 2)]
db = connect()
last = 0
while writers:
    # in one snapshot both tables say the same
    db.execute("BEGIN")
    n, lines = db.execute("SELECT (SELECT n FROM sum), (SELECT count(*) FROM line)").fetchone()
    db.execute("COMMIT")
    assert n == lines >= last, (n, lines, last)
    last = n
    time.sleep(0.01)
    for pid in writers[:]:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            assert status == 0
            writers.remove(pid)
assert db.execute("SELECT n FROM sum").fetchone() == (2 * EACH,)

EACH = 10 ** 9
victim = child(write, 3)
time.sleep(0.3)
os.kill(victim, signal.SIGKILL)
os.waitpid(victim, 0)
n, lines = db.execute("SELECT (SELECT n FROM sum), (SELECT count(*) FROM line)").fetchone()
assert n == lines >= 2 * 150, (n, lines)
assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
db.execute("VACUUM")
assert db.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",)
db.close()
clean()
