#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: an overlay is mounted: files are copied up, removed, and their folder made anew
# Expect: container=no sentry=yes
# Needs: unshare mount
# As: root
set -eu
mkdir -p ovl
unshare -m sh -euc '
	mount -t tmpfs none ovl
	cd ovl
	mkdir lower lower/dir upper work merged
	echo below >lower/file
	echo below >lower/dir/other
	mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
	[ "$(cat merged/file)" = below ]
	echo above >merged/file
	[ "$(cat lower/file)" = below ] && [ "$(cat upper/file)" = above ]
	rm merged/dir/other
	[ ! -e merged/dir/other ] && [ -c upper/dir/other ] && [ -e lower/dir/other ]
	rmdir merged/dir && mkdir merged/dir && [ -z "$(ls merged/dir)" ]
	mv merged/file merged/dir/moved && [ "$(cat merged/dir/moved)" = above ]
	umount merged
'
rmdir ovl
