#!/bin/sh
# Trains every network in models/ from its seed, one after the other, in the way their metadata says.
#
# usage: scripts/train-models.sh [NAME…]      all of them when no name is given
#
# Names: alexnet-cifar10, alexnet-bn-cifar10, alexnet-dropout-cifar10 (seed 1) and each with -seed2 … -seed5, all on one
# schedule; alexnet-random-cifar10 (only the head learns, at a tenth of the learning rate) with -seed2 and -seed3; resnet18-cifar10.
# The same names with tiny-imagenet-100 in place of cifar10 are trained on one schedule of their own (three with batch
# norm, three with dropout, two random): run `node bin/unitscope.js data pull tiny-imagenet` first.
# The networks go to MODELS (default: models); a network that is there already is left alone. An interrupted training
# continues from its checkpoint. Run `npm run build` first.
set -eu
cd "$(dirname "$0")/.."
models=${MODELS:-models}
cifar10="cifar10:train --test cifar10:test --dropout 0.3 --epochs 13"
tiny="tiny-imagenet-100:train --test tiny-imagenet-100:test --image-size 64 --dropout 0.1 --label-smoothing 0.05 --shift 6 --epochs 15"
schedule="--batch 64 --threads 1"

# The seed that a name ends with; 1 for a name without.
seed() {
  case $1 in
    *-seed?) echo "${1##*-seed}" ;;
    *) echo 1 ;;
  esac
}

# What tells a kind of AlexNet from the plain one.
kind() {
  case $1 in
    alexnet-bn-*) echo "--batch-norm" ;;
    alexnet-dropout-tiny-*) echo "--channel-dropout conv5=0.3" ;; # half of the channels cost 5 points of accuracy, 40 % more than 4
    alexnet-dropout-*) echo "--channel-dropout conv5=0.5" ;;
    alexnet-random-*) echo "--train-only fc6,fc7,fc8" ;;
  esac
}

# The highest learning rate: a head alone on random convolutions learns nothing at the others'.
rate() {
  case $1 in
    alexnet-random-*) echo 0.003 ;;
    *) echo 0.03 ;;
  esac
}

options() {
  stem=${1%-seed[2-5]}
  case $stem in
    alexnet-cifar10 | alexnet-bn-cifar10 | alexnet-dropout-cifar10 | alexnet-random-cifar10) data=$cifar10 ;;
    alexnet-tiny-imagenet-100 | alexnet-bn-tiny-imagenet-100) data=$tiny ;;
    alexnet-dropout-tiny-imagenet-100 | alexnet-random-tiny-imagenet-100) data=$tiny ;;
    resnet18-cifar10)
      echo "resnet18 cifar10:train --test cifar10:test --widths 16 --seed 1 --epochs 16 --batch 64 --threads 1 --lr 0.1"
      return
      ;;
    *)
      echo "$0: no network is called $1" >&2
      exit 2
      ;;
  esac
  echo "alexnet $data $(kind "$stem") --seed $(seed "$1") $schedule --lr $(rate "$stem")"
}

# A name and those of its other seeds, from 2 to the number given.
with_seeds() {
  echo "$1"
  for seed in 2 3 4 5; do if [ "$seed" -le "$2" ]; then echo "$1-seed$seed"; fi; done
}

if [ $# -eq 0 ]; then
  tiny100=tiny-imagenet-100
  # Names hold no spaces.
  # shellcheck disable=SC2046
  set -- $(with_seeds alexnet-cifar10 5) $(with_seeds alexnet-bn-cifar10 5) $(with_seeds alexnet-dropout-cifar10 5) \
    $(with_seeds alexnet-random-cifar10 3) resnet18-cifar10 \
    $(with_seeds alexnet-$tiny100 5) $(with_seeds alexnet-bn-$tiny100 3) $(with_seeds alexnet-dropout-$tiny100 3) \
    $(with_seeds alexnet-random-$tiny100 2)
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
