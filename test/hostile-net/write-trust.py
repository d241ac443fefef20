# SPDX-License-Identifier: Apache-2.0
# Trick: the trusted certificates in /run/brig and their covers written, renamed,
#	remounted, mounted over
# Gain: another authority is believed, or files beside them changed, on the host
# Fresh: yes
# Control: none, the host's own would be written
from trick import *

tried = 0
for path in ("/run/brig/ca.pem", "/run/brig/ca-bundle.pem", "/run/brig/resolv.conf", "/run/brig/ca.jks", "/run/brig/new", "/run/brig/nssdb/cert9.db", "/etc/resolv.conf"):
    for how in ("w", "a", "r+"):
        try:
            with open(path, how) as f:
                f.write("brig-smuggled")
            if path.startswith("/run/brig"):
                escaped(f"{path} was written")
        except OSError:
            tried += 1
for cmd in ("mount -o remount,rw /run/brig", "mount -o remount,rw,bind /run/brig", "mount --bind /tmp /run/brig/nssdb", "umount /run/brig", "chmod 777 /run/brig",
            "chown 0:0 /run/brig/ca.pem", "rm -f /run/brig/ca.pem", "mv /run/brig/ca.pem /run/brig/x", "ln /run/brig/ca.pem /tmp/x", "touch /run/brig/y"):
    run(*cmd.split())
    try:
        with open("/run/brig/ca.jks", "r+b") as f:
            f.write(b"x")
            escaped(f"after '{cmd}' it can be written")
    except OSError:
        tried += 1
stopped(f"{tried} ways")
