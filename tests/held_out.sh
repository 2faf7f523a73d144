#!/bin/sh
# What a model is worth on people of a seed that nothing was trained or tuned on, in its own frame: the expected volume
# and one sample, beside twins; and what flipped readings change, against the phantom's maps of signs.
# tests/held_out.sh PYTHON FOLDER MODEL TRAINING [PEOPLE [SEED]]   (MODEL: bundled, or a folder of train-ldm)
set -eu
python=$1 work=$2 model=$3 training=$4 people=${5:-100} seed=${6:-101}
mkdir -p "$work"
printf 'other_sequences = false\nleft_flash = 0.5\n' > "$work/cohort.toml"
printf 'shares = [0.0, 0.0, 1.0]\n' > "$work/shares.toml"
[ "$model" = bundled ] && named= || named="--model $model"
xrmri() { "$python" -m xrmri "$@" --no-progress; }
for twin in 0 1 2; do
    xrmri phantom --config "$work/cohort.toml" --participants "$people" --seed "$seed" --matrix 256 --twin $twin \
        $([ $twin != 0 ] || echo --labels) -o "$work/oai$twin"
done
xrmri detect-knee "$work/oai0" -o "$work/knees" # the films of all are the same
for twin in 0 1 2; do
    xrmri build-dataset "$work/oai$twin" --knees "$work/knees" --config "$work/shares.toml" --frame knee \
        --template "$training" -o "$work/dataset$twin"
done
# shellcheck disable=SC2086 # two words or none
xrmri generate "$work/dataset0" $named --mean -o "$work/mean"
# shellcheck disable=SC2086
xrmri generate "$work/dataset0" $named -o "$work/sample"
for drawn in mean sample; do
    xrmri evaluate "$work/$drawn" "$work/dataset0" --training "$training" --twin "$work/dataset1" --twin "$work/dataset2" \
        -o "$work/evaluation-$drawn"
done
signs="V00XRCYTM V00XRCYTL V00XRATTM V00XRATTL V00XRCHM V00XRCHL"
for sign in $signs; do
    for grade in 0 1; do
        # shellcheck disable=SC2086
        xrmri generate "$work/dataset0" $named --mean --set "$sign=$grade" -o "$work/flipped/$sign-$grade"
    done
done
# shellcheck disable=SC2086
"$python" -m tests.flipped "$work" $signs
