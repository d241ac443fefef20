# SPDX-License-Identifier: Apache-2.0
"""Each event says when it was sent: none may come later than a fifth of a second."""
import sys
import time
import urllib.request

late = 0.0
count = 0
for line in urllib.request.urlopen(sys.argv[1], timeout=10):
    if line.startswith(b"data: "):
        late = max(late, time.time() - float(line.split()[2]))
        count += 1
print(count, "events, the latest by", round(late, 3))
sys.exit(not (count == 5 and late < 0.2))
