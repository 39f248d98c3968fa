#!/usr/bin/env bash
# Finds what `make test` needs besides Go, Node, make and git. As root on Debian
# or Ubuntu it installs what is missing; else it says what to install, and fails.
set -euo pipefail

for tool in go node npm git; do
	command -v "$tool" >/dev/null || { echo "deps: $tool is not installed" >&2; exit 1; }
done
node -e '
	const [major, minor] = process.versions.node.split(".").map(Number);
	if (major < 20 || (major === 20 && minor < 19) || major === 21 || (major === 22 && minor < 12)) {
		console.error(`deps: Node ${process.versions.node} is too old: 20.19, 22.12 or newer is needed`);
		process.exit(1);
	}'

missing=()
need() { missing+=("$1"); echo "deps: missing: $2" >&2; }

command -v gcc >/dev/null || need "gcc libc6-dev" "gcc, for Go's race detector"
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || command -v postgres >/dev/null ||
	need postgresql "the PostgreSQL server (15 or newer)"
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
	need chromium "Chromium, for the browser tests"
command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] || need mosquitto "mosquitto, as a foreign broker"
command -v mosquitto_pub >/dev/null || need mosquitto-clients "mosquitto_pub and mosquitto_sub"
[ ${#missing[@]} -eq 0 ] && exit 0

packages=${missing[*]}
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
	apt-get update -q
	# shellcheck disable=SC2086 # several packages
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages
else
	echo "deps: install them, for example with: sudo apt-get install $packages" >&2
	exit 1
fi
