#!/usr/bin/env bash
# Upgrades from another version under load: builds it from the history and runs
# dray chaos --previous. Usage: scripts/upgrade.sh TAG-OR-COMMIT PROGRAM
set -euo pipefail
cd "$(dirname "$0")/.."
previous=$1
program=$2
if ! git cat-file -e "$previous^{commit}" 2>/dev/null; then
	echo "upgrade: $previous is not in this clone; fetch the history first: git fetch --unshallow --tags" >&2
	exit 1
fi
tree=$(mktemp -d)
trap 'git worktree remove --force "$tree/source" 2>/dev/null; rm -rf "$tree"' EXIT
git worktree add --quiet --detach "$tree/source" "$previous"
(cd "$tree/source" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$tree/dray" ./cmd/dray)
"$program" chaos --previous "$tree/dray"
