#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: PostgreSQL makes a cluster, serves, is killed and recovers
# Expect: container=yes sentry=yes
# Time: 180
# As: root
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
[ -x "$bin/initdb" ] || { echo "PostgreSQL is not installed"; exit 77; }
# it refuses to be root, and wants to be somebody with a name
mkdir -p pg && chmod 755 . pg && chown daemon:daemon pg && cd pg
as() { setpriv --reuid daemon --regid daemon --clear-groups env HOME="$PWD" "$@"; }
ctl() { as timeout 90 "$bin/pg_ctl" -D "$PWD/data" -w -t 80 "$@" >ctl.log 2>&1 || { cat ctl.log log; return 1; }; }
q() { as timeout 60 "$bin/psql" -h "$PWD" -U probe -d postgres -qAt -v ON_ERROR_STOP=1 -c "$1"; }
: >ctl.log && : >log && chmod 666 ctl.log log
as timeout 120 "$bin/initdb" -D "$PWD/data" -U probe -A trust >init.log 2>&1 || { tail -n 5 init.log; exit 1; }
ctl -l "$PWD/log" -o "-k '$PWD' -c listen_addresses='' -c shared_buffers=16MB" start
pid=$(head -n 1 data/postmaster.pid)
trap 'kill -INT "$pid" 2>/dev/null || true' EXIT
q 'CREATE TABLE t (id int PRIMARY KEY, text text)'
q "INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i"
[ "$(q 'SELECT count(*), sum(id) FROM t')" = "20000|200010000" ]
q 'CREATE INDEX ON t (text)'
q 'VACUUM FULL t'
for i in 1 2 3 4; do q "UPDATE t SET text = 'by $i' WHERE id % 4 = $i - 1" & done
wait
[ "$(q "SELECT count(*) FROM t WHERE text LIKE 'by _'")" = 20000 ]
ctl -m immediate stop
ctl -l "$PWD/log" -o "-k '$PWD' -c listen_addresses='' -c shared_buffers=16MB" start
pid=$(head -n 1 data/postmaster.pid)
grep -q 'automatic recovery in progress' log
[ "$(q "SELECT count(*) FROM t WHERE text LIKE 'by _'")" = 20000 ]
ctl -m fast stop
trap - EXIT
cd .. && rm -rf pg
