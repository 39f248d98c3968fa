#!/usr/bin/env bash
# Runs every fuzz target of the module for the time given, all of them even if one
# fails. Exit status 1 if any did; what failed is then in its testdata/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-60s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# target package name: fuzzes one. When the time ends while its workers are busy, Go
# up to 1.26 says so as a failure though nothing was found (go.dev/issue/75804).
target() {
	go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" "$1" 2>&1 | tee "$log" && return
	grep -qx ' *context deadline exceeded' "$log" && ! grep -q 'Failing input written' "$log"
}

failed=()
for package in $(go list ./...); do
	for name in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "=== $package $name"
		target "$package" "$name" || failed+=("$package $name")
	done
done
if [ ${#failed[@]} -gt 0 ]; then
	printf 'FAILED: %s\n' "${failed[@]}"
	exit 1
fi
