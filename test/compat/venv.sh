#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: a virtual environment of Python, and pip installs a wheel into it
# Expect: container=yes sentry=yes
# Needs: python3
# Time: 180
set -eu
python3 -c 'import ensurepip, venv' 2>/dev/null || { echo "Python has no venv here"; exit 77; }
python3 - <<'EOF'
import zipfile
with zipfile.ZipFile("probe-1.0-py3-none-any.whl", "w") as z:
    z.writestr("probe_wheel/__init__.py", "def main():\n    print('from the wheel')\n")
    z.writestr("probe-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n")
    z.writestr("probe-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr("probe-1.0.dist-info/entry_points.txt", "[console_scripts]\nprobe-says = probe_wheel:main\n")
    z.writestr("probe-1.0.dist-info/RECORD", "".join(n + ",,\n" for n in z.namelist()) + "probe-1.0.dist-info/RECORD,,\n")
EOF
python3 -m venv env
env/bin/pip install -q --no-index --disable-pip-version-check ./probe-1.0-py3-none-any.whl
[ "$(env/bin/probe-says)" = "from the wheel" ]
env/bin/pip uninstall -qy --disable-pip-version-check probe
! env/bin/python -c 'import probe_wheel' 2>/dev/null
rm -rf env probe-1.0-py3-none-any.whl
