#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: npm installs a package of this machine, runs scripts, packs, and removes it
# Expect: container=yes sentry=yes
# Needs: npm node
# Time: 180
set -eu
export npm_config_cache=$PWD/cache npm_config_update_notifier=false npm_config_fund=false \
	npm_config_audit=false npm_config_offline=true
mkdir -p lib app
cat >lib/package.json <<'EOF'
{ "name": "probe-lib", "version": "1.2.3", "main": "index.js", "bin": { "probe-says": "bin.js" },
  "scripts": { "postinstall": "node -e \"require('fs').writeFileSync('built', 'yes')\"" } }
EOF
echo 'module.exports = () => "from the package";' >lib/index.js
printf '#!/usr/bin/env node\nconsole.log(require("./")());\n' >lib/bin.js
echo '{ "name": "app", "version": "1.0.0", "scripts": { "say": "probe-says" } }' >app/package.json
(cd lib && npm pack --silent >/dev/null)
cd app
npm install --silent ../lib/probe-lib-1.2.3.tgz
[ "$(npm run --silent say)" = "from the package" ]
[ "$(cat node_modules/probe-lib/built)" = yes ]
npm ls --silent | grep -q probe-lib@1.2.3
[ "$(node -p 'require("probe-lib")()')" = "from the package" ]
npm ci --silent && npm uninstall --silent probe-lib && [ ! -e node_modules/probe-lib ]
cd .. && rm -rf lib app cache
