#!/usr/bin/env bash
# The same on GPUs, from the project's root: installs, checks, and runs a job under the supervisor.
#
#   bash tpu/gpu.sh [--dry-run] FOLDER c2l_jax.train --config configs/sft.py --workdir ...
#   sbatch --nodes 2 --ntasks-per-node 8 --gpus-per-node 8 tpu/gpu.sh FOLDER c2l_jax.train ...
#
# On SLURM each task has one GPU, and jax finds the others by SLURM's variables. FOLDER, which all
# nodes reach, gets a log of each. The same command again goes on where the job was.
set -euo pipefail

dry_run=
if [[ ${1:-} == --dry-run ]]; then
  dry_run=yes
  shift
fi
if [[ $# -lt 2 || ! -f setup.py ]]; then
  echo "error: run in the project's root: tpu/gpu.sh [--dry-run] FOLDER MODULE FLAG..." >&2
  exit 2
fi
folder=$1
shift
run() {
  printf '%q ' "$@"
  echo
  [[ $dry_run ]] || "$@"
}

everywhere=()
if [[ ${SLURM_JOB_ID:-} ]]; then
  everywhere=(srun --kill-on-bad-exit=0) # a task that ended is started again by its supervisor
fi
[[ -d .venv ]] || run "${PYTHON:-python3}" -m venv .venv
run .venv/bin/pip install --quiet --editable '.[cuda]'
run "${everywhere[@]}" .venv/bin/python -m tpu.preflight \
  --bucket "$folder/preflight" --run "${SLURM_JOB_ID:-$$}-${SLURM_RESTART_COUNT:-0}"
run "${everywhere[@]}" .venv/bin/python -m tpu.supervise run "$folder/run" -- "$@"
