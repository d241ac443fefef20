#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""unit.py BUILD - runs meson's tests in BUILD and counts what is inside of each.

A unit test is a program that prints TAP, one line for each of its tests; a program that dies
(a sanitizer's report, a signal, the time limit) counts as one more that failed.
"""
import json
import os
import re
import subprocess
import sys

build = sys.argv[1]
log = os.path.join(build, "meson-logs", "testlog.json")
if os.path.exists(log):
    os.remove(log)
run = subprocess.run(
    ["meson", "test", "-C", build, "--no-rebuild", "--quiet", "--timeout-multiplier", "4"],
    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    errors="replace")
number = passed = failed = skipped = 0
if not os.path.exists(log):
    print(run.stdout)
    sys.exit("meson test ran nothing")


def say(good, text):
    global number
    number += 1
    print(f"{'ok' if good else 'not ok'} {number} - {text}")


for line in open(log, encoding="utf-8", errors="replace"):
    test = json.loads(line)
    name, out, bad = test["name"], test.get("stdout") or "", []
    for m in re.finditer(r"^(not )?ok +\d* *-? *([^#\n]*)(#\s*skip.*)?$", out, re.M | re.I):
        title = f"{name}: {m[2].strip().replace('_', ' ')}"
        if m[1]:
            bad.append(title)
        elif m[3]:
            skipped += 1
            say(True, f"{title} {m[3]}")
        else:
            passed += 1
            say(True, title)
    if test["result"] not in ("OK", "SKIP", "EXPECTEDFAIL") and not bad:
        bad.append(f"{name}: {test['result']}, status {test.get('returncode')}")
    # last, so that what the program said stands right under them
    for title in bad:
        failed += 1
        say(False, title)
    if bad:
        said = (test.get("stderr") or out).strip().splitlines()
        for text in said[-40:]:
            print("#   " + text)
print(f"1..{number}")
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or not passed else 0)
