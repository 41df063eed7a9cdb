#!/usr/bin/env bash
# Bundles src/ and three.js into whmr/visualization/web/assets/viewer.js. Needs Node.js and npm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

npm install --ignore-scripts --no-audit --no-fund --no-package-lock

# The first line says what the bundle was made of; tests/visualization/web compares it.
sources=$(LC_ALL=C; cat package.json src/*.js | sha256sum | cut -d' ' -f1)
banner="/*! whmr viewer, Apache-2.0; sources sha256 $sources
Holds parts of three.js $(node -p 'require("./node_modules/three/package.json").version'):

$(cat node_modules/three/LICENSE)
*/"

node_modules/.bin/esbuild src/main.js --bundle --minify --format=esm --target=es2022 \
  --legal-comments=none --banner:js="$banner" \
  --outfile=../../../whmr/visualization/web/assets/viewer.js
