#!/bin/bash
# Carries out a planned run on Slurm: a job array for every stage, one after the other, then the merge.
#   unitscope plan MODEL DATA --shards 200 --out /shared/run
#   ./slurm.sh /shared/run --partition=cpu --cpus-per-task=4 --time=4:00:00
# Further options go to every array; the folder, the model and the images must be visible on all nodes.
set -euo pipefail
run=$(realpath "$1")
shift
here=$(dirname "$(realpath "$0")")

status() { unitscope status "$run" --json | node -p "const s = JSON.parse(fs.readFileSync(0)); $1"; }
last=$(($(status s.plan.shards) - 1))
stages=$(status 'Math.max(...s.passes.map((pass) => pass.stage))')

after=()
for stage in $(seq 1 "$stages"); do
  job=$(sbatch --parsable --array="0-$last" --job-name="unitscope-$stage" "${after[@]}" "$@" "$here/slurm-shard.sbatch" "$run")
  echo "stage $stage of $stages: job array $job"
  after=(--dependency="afterok:$job")
done
job=$(sbatch --parsable --job-name=unitscope-merge "${after[@]}" "$@" "$here/slurm-merge.sbatch" "$run")
echo "merge: job $job"
