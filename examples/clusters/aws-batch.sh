#!/bin/bash
# Carries out a planned run on AWS Batch: an array job for every stage, one after the other, then the merge.
#   ./aws-batch.sh /shared/run QUEUE DEFINITION --workers 4
# DEFINITION is a job definition with the image of the Dockerfile that mounts /shared (EFS or FSx for Lustre), on every node
# where the run's folder, the model and the images are. Batch sets AWS_BATCH_JOB_ARRAY_INDEX; an array has two shards at
# least. Further options go to every `unitscope`: on instances that jobs share, as many workers as the definition has vCPUs.
# A container that is killed is tried again, five times in all; an error of the input is not.
set -euo pipefail
run=$(realpath --no-symlinks "$1")
queue=$2 definition=$3
shift 3
options=("$@")
retry='{"attempts": 5, "evaluateOnExit": [{"onExitCode": "1", "action": "EXIT"}, {"onExitCode": "2", "action": "EXIT"},
  {"onExitCode": "3", "action": "EXIT"}]}'

status() { unitscope status "$run" --json | node -p "const s = JSON.parse(fs.readFileSync(0)); $1"; }
shards=$(status s.plan.shards)
stages=$(status 'Math.max(...s.passes.map((pass) => pass.stage))')

submit() {
  local name=$1 command
  command=$(node -p 'JSON.stringify({ command: process.argv.slice(1) })' -- "$2" "$run" "${options[@]}")
  shift 2
  aws batch submit-job --job-name "$name" --job-queue "$queue" --job-definition "$definition" \
    --container-overrides "$command" --query jobId --output text "$@"
}
after=()
for stage in $(seq 1 "$stages"); do
  job=$(submit "unitscope-$stage" run --array-properties "size=$shards" --retry-strategy "$retry" "${after[@]}")
  echo "stage $stage of $stages: array job $job"
  after=(--depends-on "jobId=$job")
done
echo "merge: job $(submit unitscope-merge merge "${after[@]}")"
