#!/usr/bin/env bash
# The types of the package under other compilers than our own: TypeScript 5.6 and 7, which npm installs elsewhere for it.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
(cd "$scratch" && npm init -y >/dev/null && npm install --silent --no-save ts5@npm:typescript@5.6 ts7@npm:@typescript/native-preview)
modules="$scratch/node_modules"
LB_TSC="$modules/ts5/bin/tsc,$modules/ts7/bin/tsgo" npx tap test/package.test.ts
