#!/bin/bash
# Carries out a planned run on AWS Batch: an array job for every stage, one after the other, then the merge.
#   ./aws-batch.sh /shared/run QUEUE DEFINITION
# DEFINITION is a job definition with the image of the Dockerfile that mounts /shared (EFS or FSx for Lustre), on every node
# where the run's folder, the model and the images are. Batch sets AWS_BATCH_JOB_ARRAY_INDEX; an array has two shards at least.
set -euo pipefail
run=$1 queue=$2 definition=$3

status() { unitscope status "$run" --json | node -p "const s = JSON.parse(fs.readFileSync(0)); $1"; }
shards=$(status s.plan.shards)
stages=$(status 'Math.max(...s.passes.map((pass) => pass.stage))')

submit() {
  local name=$1 command=$2
  shift 2
  aws batch submit-job --job-name "$name" --job-queue "$queue" --job-definition "$definition" \
    --container-overrides "{\"command\": [\"$command\", \"$run\"]}" --query jobId --output text "$@"
}
after=()
for stage in $(seq 1 "$stages"); do
  job=$(submit "unitscope-$stage" run --array-properties "size=$shards" --retry-strategy attempts=5 "${after[@]}")
  echo "stage $stage of $stages: array job $job"
  after=(--depends-on "jobId=$job")
done
echo "merge: job $(submit unitscope-merge merge "${after[@]}")"
