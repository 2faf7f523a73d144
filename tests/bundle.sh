#!/bin/sh
# The model inside the package, from nothing, by the commands alone; the same command goes on where it was stopped.
# Two cohorts: many people with small slices, from whom the anchor learns, and fewer with whole ones, whom it has never
# seen, for autoencoder and denoiser.
# tests/bundle.sh PYTHON FOLDER [PEOPLE]
set -eu
python=$1 work=$2 many=${3:-800}
mkdir -p "$work"
printf 'other_sequences = false\nleft_flash = 0.5\n' > "$work/cohort.toml"
xrmri() { "$python" -m xrmri "$@" --no-progress; }
xrmri phantom --config "$work/cohort.toml" --participants 200 --matrix 256 --seed 20 -o "$work/oai-fine"
xrmri phantom --config "$work/cohort.toml" --participants "$many" --matrix 128 --seed 30 -o "$work/oai-many"
xrmri detect-knee "$work/oai-fine" -o "$work/knees-fine"
xrmri detect-knee "$work/oai-many" -o "$work/knees-many"
xrmri build-dataset "$work/oai-fine" --knees "$work/knees-fine" --frame knee --shards 4 -o "$work/dataset"
printf 'shares = [0.9, 0.1, 0.0]\n' > "$work/shares.toml"
xrmri build-dataset "$work/oai-many" --knees "$work/knees-many" --config "$work/shares.toml" --size 160 --frame knee \
    --template "$work/dataset" --shards 8 -o "$work/cohort"
xrmri train-vae "$work/dataset" --preset demo -o "$work/vae"
xrmri train-ldm "$work/dataset" "$work/vae" --preset demo --anchor-dataset "$work/cohort" -o "$work/ldm"
"$python" -m xrmri.stages.bundle "$work/ldm" "$work/dataset"
