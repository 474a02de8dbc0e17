#!/usr/bin/env bash
# Sets up one worker, after its tree was unpacked into ~/c2l-jax/new: ~/c2l-jax/src and venv.
# Can be repeated. --dry-run prints the commands and runs none.
set -euo pipefail

dry_run=${1:-}
run() {
  printf '%q ' "$@"
  echo
  [[ $dry_run == --dry-run ]] || "$@"
}

home=$HOME/c2l-jax
run rm -rf "$home/src"
run mv "$home/new" "$home/src"
# The images have Python 3.10, which is too old; uv brings a newer one.
run env PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --quiet --user --upgrade uv
run python3 -m uv venv --quiet --allow-existing --python 3.11 "$home/venv"
run python3 -m uv pip install --quiet --python "$home/venv/bin/python" --editable "$home/src[tpu]"
echo "$(hostname) is set up"
