#!/bin/sh
# The model inside the package, from nothing; the same command goes on where it was stopped.
# Two cohorts, both knees of each person: many, from whom the anchor learns, and fewer, whom it has never seen, for
# autoencoder and denoiser. Both are drawn as fine as a scanner's slices: where slices are coarser, the brightest pixels,
# which set the window, are darker, and an anchor that learnt from such expects knees 5 % too bright (measured).
# The autoencoder ends with an adversarial term. What reads the film is taught beforehand, by films without MRI. A third
# cohort, of people with rare signs, tells the anchor at the end what it missed.
# tests/bundle.sh PYTHON FOLDER [PEOPLE]
set -eu
python=$1 work=$2 many=${3:-1200}
mkdir -p "$work"
xrmri() { "$python" -m xrmri "$@" --no-progress; }
"$python" -m xrmri.stages.draw_cohort -o "$work/dataset" --people 240 --seed 20
"$python" -m xrmri.stages.draw_cohort -o "$work/cohort" --people "$many" --seed 30 \
    --shares 0.92 0.08 0 --frame "$work/dataset"
"$python" -m xrmri.stages.draw_films -o "$work/films" --people "$((2 * many))" --seed 70
printf '[train-vae]\nadversarial_weight = 0.004\nlearning_rate = 2e-4\n' > "$work/sharper.toml"
xrmri train-vae "$work/dataset" --preset demo -o "$work/vae"
xrmri train-vae "$work/dataset" --preset demo --config "$work/sharper.toml" --max-steps 500 --init "$work/vae" \
    -o "$work/sharper"
xrmri train-ldm "$work/dataset" "$work/sharper" --preset demo --anchor-dataset "$work/cohort" \
    --films "$work/films" --film-table "$work/films/known.csv" -o "$work/ldm"
"$python" -m xrmri.stages.draw_cohort -o "$work/rare" --people 192 --seed 90 --rare --shares 1 0 0 --frame "$work/dataset"
"$python" -m xrmri.stages.learn_patterns "$work/ldm" "$work/rare"
"$python" -m xrmri.stages.train_tissues "$work/ldm"
"$python" -m xrmri.stages.bundle "$work/ldm" "$work/dataset"
