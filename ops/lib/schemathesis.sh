#!/usr/bin/env bash
# Asks a running tenant everything that its own description allows, and much that it forbids: no answer of 5xx, and none
# that is not described. Usage: ops/lib/schemathesis.sh URL CA-FILE [KEY-FILE] [EXAMPLES] [DESCRIPTION] [CONFIGURATION]
#   KEY-FILE   the administrator's credential; without one (or with -) nobody is asking
#   EXAMPLES   how many cases for each operation; 10 where nothing is said
#   DESCRIPTION    openapi.yaml (the enrollment API, where nothing is said) or dispatcher.yaml
#   CONFIGURATION  a schemathesis.toml; enrollment.toml beside this file where nothing is said
# A tenant that is asked this is full of nonsense afterwards: take one made for it.
set -euo pipefail
url=$1 authority=$2 key=${3:--} examples=${4:-10} description=${5:-openapi.yaml}
folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
python=${POSTERN_PYTHON:-$folder/.build/python}/bin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "${6:-$folder/ops/lib/enrollment.toml}" "$work/schemathesis.toml"
cd "$work"

options=(--checks all --tls-verify "$authority" --max-examples "$examples" --continue-on-failure --no-color
    --request-timeout 40 --seed "${POSTERN_SEED:-1}" --output-truncate false)
if [ "$key" != - ]; then
    options+=(--header "Authorization: Bearer $(cat "$key")")
fi
"$python/python3" "$python/schemathesis" run "${options[@]}" "$url/$description"
