#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: a set-user-id program of another user gives that user's rights
# Expect: container=no sentry=yes
# Needs: setpriv
# As: root
# In: tmp
set -eu
cp /usr/bin/id probe-id && chmod 755 . && chmod 4755 probe-id
u() { setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }
[ "$(u id -u)" = 1000 ]
got=$(u ./probe-id -u)
rm probe-id
[ "$got" = 0 ]
