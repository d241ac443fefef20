# SPDX-License-Identifier: Apache-2.0
"""remembers.py PID TEXT: 0 if the text is in what the process has in memory, 1 if not."""
import sys

value = sys.argv[2].encode()
looked = 0
with open(f"/proc/{sys.argv[1]}/maps") as maps, open(f"/proc/{sys.argv[1]}/mem", "rb", 0) as mem:
    for line in maps:
        span, rights = line.split()[:2]
        if rights[0] != "r" or "[v" in line:
            continue
        start, end = (int(x, 16) for x in span.split("-"))
        try:
            mem.seek(start)
            data = mem.read(end - start)
        except (OSError, ValueError, OverflowError):
            continue
        looked += len(data)
        if value in data:
            sys.exit(0)
# what could not be looked at says nothing
sys.exit(1 if looked > 1 << 16 else 2)
