#!/bin/sh
# The paper's experiments with their controls, by the commands alone; the same command goes on where it was stopped.
# One cohort, one split, one autoencoder, one budget; what differs between methods stands in settings/. Real knees where
# OAI names a release: then there is no phantom, and there are no twins. docs/experiments.md tells what each part is for.
# tests/reproduce.sh PYTHON FOLDER [PRESET]
set -eu
python=$1 work=$2 preset=${3:-demo}
methods="anchored xray2mri no-readings ldm cola-diff x-diffusion"
case $preset in
tiny)
    seeds=0 twins=1 signs=V00XRCHL noises="independent shared" depths="6 11" some= matched=6 steps="anchor_steps = 2"
    quick=--quick
    ;;
*)
    seeds="0 1" twins="1 2" signs="V00XRCHL V00XRATTL V00XRCYTL" noises="independent shared correlated"
    depths="30 50 100 200 300 400 500" matched=50 steps= quick= # --quick would look at other knees than some
    some="--shard 0/4" # of the depths: 1,580 slices a knee and noise take long, and knees differ little in continuity
    ;;
esac
trap 'exit 75' TERM USR1 # a signal to all of us: the command that runs saves first
xrmri() {
    command=$1
    shift
    "$python" -m xrmri "$command" --preset "$preset" --no-progress "$@"
}

mkdir -p "$work/settings"
settings() { cat > "$work/settings/$1.toml"; }
printf 'other_sequences = false\nleft_flash = 0.5\n' | settings cohort
printf 'shares = [0.7, 0.1, 0.2]\n' | settings dataset # more to test on than the paper's tenth: intervals are narrower
# Nobody is told more than film, depth and readings; the anchor is ours alone.
for method in ldm cola-diff x-diffusion xray2mri; do
    printf 'method = "%s"\nanchor = false\ncovariates = false\n' $method | settings $method
done
printf 'method = "xray2mri"\nanchor = false\ncovariates = false\nwithout = ["features"]\n' | settings no-readings
printf 'method = "xray2mri"\nanchor = true\ncovariates = false\n%s\n' "$steps" | settings anchored

dataset=$work/dataset controls=
if [ -z "${OAI:-}" ]; then
    OAI=$work/oai
    for twin in 0 $twins; do
        [ "$twin" = 0 ] && release=$OAI || release=$work/oai-twin$twin
        xrmri phantom --config "$work/settings/cohort.toml" --twin "$twin" -o "$release"
    done
else
    twins=
fi
xrmri detect-knee "$OAI" -o "$work/knees" # the films of twins are the same
build() { xrmri build-dataset "$1" --knees "$work/knees" --config "$work/settings/dataset.toml" -o "$2"; }
build "$OAI" "$dataset"
for twin in $twins; do
    build "$work/oai-twin$twin" "$dataset-twin$twin"
    controls="$controls --twin $dataset-twin$twin"
done
xrmri train-vae "$dataset" -o "$work/vae"

# Better than three rivals? Does the joint gain most? Both seeds, all in one comparison each.
for seed in $seeds; do
    here=$work/seed$seed others=
    for method in $methods; do
        xrmri train-ldm "$dataset" "$work/vae" --config "$work/settings/$method.toml" --seed "$seed" -o "$here/$method"
        xrmri generate "$dataset" --model "$here/$method" -o "$here/volumes/$method"
        [ $method = anchored ] || others="$others --also $here/volumes/$method"
    done
    xrmri generate "$dataset" --model "$here/anchored" --mean -o "$here/volumes/regression"
    # shellcheck disable=SC2086 # lists of options
    xrmri evaluate "$here/volumes/anchored" "$dataset" --also "$here/volumes/regression" $others $controls \
        -o "$work/evaluation-seed$seed"
done

# What do readings add? The same knee, film and noise, read as free of a sign and as having it.
first=$work/seed${seeds%% *}
for sign in $signs; do
    for method in xray2mri anchored; do
        here=$work/signs/$sign-$method
        for grade in 0 1; do
            xrmri generate "$dataset" --model "$first/$method" --set "$sign=$grade" -o "$here-$grade"
        done
        xrmri evaluate "$here-0" "$dataset" --flipped "$here-1" -o "$work/evaluation-$sign-$method"
    done
done

# Are more depths smoother, and is a slice in between more than a blend of its neighbours?
for noise in $noises; do
    here=$work/depths/$noise others=
    for slices in $depths; do
        # shellcheck disable=SC2086
        xrmri generate "$dataset" --model "$first/xray2mri" --noise "$noise" --num-slices "$slices" $some -o "$here-$slices"
        [ "$slices" = $matched ] || others="$others --also $here-$slices"
    done
    # shellcheck disable=SC2086
    xrmri evaluate "$here-$matched" "$dataset" $others $quick -o "$work/evaluation-depths-$noise"
    "$python" "$(dirname "$0")/blended_volumes.py" "$here-$matched" "$here-blended" # what needs no model
    # shellcheck disable=SC2086
    xrmri evaluate "$here-$matched" "$dataset" --also "$here-blended" $quick -o "$work/evaluation-between-$noise"
done
"$python" "$(dirname "$0")/reproduce_results.py" "$work"
