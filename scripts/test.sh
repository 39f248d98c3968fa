#!/usr/bin/env bash
# Runs the make targets given, all of them even if one fails, and ends with what
# each runner said. Exit status 1 if any failed.
set -u
cd "$(dirname "$0")/.."
export NO_COLOR=1 CI=1
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

failed=()
for target in "$@"; do
	echo "=== make $target"
	SECONDS=0
	make --no-print-directory "$target" 2>&1 | tee "$logs/$target"
	if [ "${PIPESTATUS[0]}" -ne 0 ]; then
		failed+=("$target")
		echo "$SECONDS s, failed" >"$logs/$target.end"
	else
		echo "$SECONDS s" >"$logs/$target.end"
	fi
done

echo
echo "=== results"
for target in "$@"; do
	echo "$target ($(cat "$logs/$target.end"))"
	# Go prints ok or FAIL a package, vitest its counts of files and tests.
	grep -E '^(ok  |FAIL|--- FAIL|    --- FAIL|panic:)|^ *(Test Files|Tests) ' "$logs/$target" || true
done
if [ ${#failed[@]} -gt 0 ]; then
	echo "FAILED: ${failed[*]}"
	exit 1
fi
echo "PASSED: $*"
