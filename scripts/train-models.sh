#!/bin/sh
# Trains every network in models/ from its seed, one after the other, in the way their metadata says.
#
# usage: scripts/train-models.sh [NAME…]      all of them when no name is given
#
# Names: alexnet-cifar10, alexnet-bn-cifar10, alexnet-dropout-cifar10 (seed 1) and each with -seed2 … -seed5, all on one
# schedule; alexnet-random-cifar10 (the same, but only the head learns) with -seed2 and -seed3; resnet18-cifar10.
# The networks go to MODELS (default: models); a network that is there already is left alone. An interrupted training
# continues from its checkpoint. Run `npm run build` first.
set -eu
cd "$(dirname "$0")/.."
models=${MODELS:-models}
data="cifar10:train --test cifar10:test"
alexnet="--dropout 0.3 --epochs 13 --batch 64 --threads 1 --lr 0.03"

# The seed that a name ends with; 1 for a name without.
seed() {
  case $1 in
    *-seed?) echo "${1##*-seed}" ;;
    *) echo 1 ;;
  esac
}

options() {
  case $1 in
    alexnet-cifar10 | alexnet-cifar10-seed[2-5]) echo "alexnet $data --seed $(seed "$1") $alexnet" ;;
    alexnet-bn-cifar10 | alexnet-bn-cifar10-seed[2-5])
      echo "alexnet $data --batch-norm --seed $(seed "$1") $alexnet"
      ;;
    alexnet-dropout-cifar10 | alexnet-dropout-cifar10-seed[2-5])
      echo "alexnet $data --channel-dropout conv5=0.5 --seed $(seed "$1") $alexnet"
      ;;
    alexnet-random-cifar10 | alexnet-random-cifar10-seed[23])
      echo "alexnet $data --train-only fc6,fc7,fc8 --seed $(seed "$1") $alexnet"
      ;;
    resnet18-cifar10) echo "resnet18 $data --widths 16 --seed 1 --epochs 16 --batch 64 --threads 1 --lr 0.1" ;;
    *)
      echo "$0: no network is called $1" >&2
      exit 2
      ;;
  esac
}

if [ $# -eq 0 ]; then
  for stem in alexnet-cifar10 alexnet-bn-cifar10 alexnet-dropout-cifar10; do
    set -- "$@" "$stem" "$stem-seed2" "$stem-seed3" "$stem-seed4" "$stem-seed5"
  done
  set -- "$@" alexnet-random-cifar10 alexnet-random-cifar10-seed2 alexnet-random-cifar10-seed3 resnet18-cifar10
fi
for name in "$@"; do
  out=$models/$name.onnx
  if [ -e "$out" ]; then
    echo "$out: already there"
    continue
  fi
  words=$(options "$name")
  if [ -e "$out.checkpoint" ]; then words="$words --resume"; fi
  # The words hold no spaces of their own.
  # shellcheck disable=SC2086
  node bin/unitscope.js train $words --out "$out"
done
