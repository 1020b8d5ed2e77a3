#!/bin/bash
# Carries out a planned run on machines that ssh reaches and that see the same folder, then merges it.
#   ./gnu-parallel.sh /shared/run one.example.org,two.example.org
# `unitscope` must be found by `ssh MACHINE unitscope --version`, which reads less of a shell's settings than a login does.
# One shard a machine at a time, with all its cores; `:` as a machine is this one. A machine that is lost costs its shard's
# unfinished blocks: the shard is tried again elsewhere.
set -euo pipefail
run=$(realpath --no-symlinks "$1")
machines=${2:-:}

status() { unitscope status "$run" --json | node -p "const s = JSON.parse(fs.readFileSync(0)); $1"; }
last=$(($(status s.plan.shards) - 1))
stages=$(status 'Math.max(...s.passes.map((pass) => pass.stage))')
for stage in $(seq 1 "$stages"); do
  seq 0 "$last" | parallel --quote --sshlogin "$machines" --jobs 1 --retries 3 \
    --joblog "$run/.parallel-$stage.log" unitscope run "$run" --shard {} --quiet
done
unitscope merge "$run"
