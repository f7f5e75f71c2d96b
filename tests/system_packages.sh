#!/bin/sh
# Installs what the tests need and pip cannot give. Where it may not (no Debian, not root) it says what is missing.
set -eu

missing=""
need() { # program package
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || need initdb postgresql
need curl curl
need bwrap bubblewrap
need apache2 apache2
ls /usr/lib/apache2/modules/mod_wsgi.so >/dev/null 2>&1 || need mod_wsgi libapache2-mod-wsgi-py3
need nginx nginx-light
need chromium chromium
need chromedriver chromium-driver

[ -n "$missing" ] || exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "installing:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of words
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "not installed, so the tests that need them are skipped:$missing"
fi
