#!/bin/sh
# The paper's experiments with their controls, by the commands alone; the same command goes on where it was stopped.
# One cohort, one split, one autoencoder, one budget; what differs between methods stands in settings/. Real knees where
# OAI names a release: then there is no phantom, and there are no twins. docs/experiments.md tells what each part is for.
# In a checkout: tests/reproduce.sh PYTHON FOLDER [PRESET], with tiny, laptop, or a preset of the program. `make` gives it
# a PYTHON that need not start anew for each command: tests/reproduction/served.py.
set -eu
python=$1 work=$2 size=${3:-demo}
methods="xray2mri no-readings ldm cola-diff x-diffusion anchored" # and hidden, no diffusion
searched="xray2mri ldm cola-diff x-diffusion hidden" # anchored and no-readings take xray2mri's rate
preset=$size people= pixels= steps= vae_steps= anchor_steps= anchor_knees= some= quick=
flipped="xray2mri anchored" seeds="0 1" twins="1 2" signs="V00XRCHL V00XRATTL V00XRCYTL" noises="independent shared correlated" matched=50
shares="0.7, 0.1, 0.2" # more to test on than the paper's tenth, because intervals are narrower
rates="1e-4 4e-4 1.6e-3" search_steps=500
case $size in
tiny)
    flipped=xray2mri seeds=0 twins=1 signs=V00XROSTM noises=shared depths="6 11" matched=6 anchor_steps=2 quick=--quick
    rates="1e-3 4e-3" search_steps=2
    ;;
laptop)
    preset=demo people=300 pixels=96 steps=800 vae_steps=1000 anchor_steps=250 anchor_knees=8 search_steps=150
    rates="4e-4 1.6e-3 6.4e-3" shares="0.8, 0.1, 0.1" # people to learn from are what it lacks
    twins=1 noises="independent shared" depths="30 50 100 200" some="--shard 0/4"
    ;;
*)
    depths="30 50 100 200 300 400 500"
    some="--shard 0/4" # of the depths: 1,580 slices a knee and noise take long, and knees differ little in continuity
    ;;                 # --quick would look at other knees than these
esac
# Slices are too small for two cores, so two trainings share them; a GPU is one's alone.
cores=$(getconf _NPROCESSORS_ONLN) at_once=1 running=
[ "$cores" -lt 2 ] || command -v nvidia-smi > /dev/null || at_once=2
stopped() { # by a signal to all of us: what runs saves first
    for one in $running; do
        while kill -0 "$one" 2> /dev/null; do wait "$one" || :; done
    done
    exit 75
}
trap stopped INT TERM USR1
beside() { # FUNCTION ARGUMENT...: beside others of its kind, each with its share of the cores
    (
        trap 'exit 75' TERM USR1
        export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$((cores / at_once))}"
        "$@"
    ) &
    running="$running $!"
    [ "$(echo "$running" | wc -w)" -lt $at_once ] || all_done
}
all_done() {
    code=0
    for one in $running; do wait "$one" || code=$?; done
    running=
    [ $code -eq 0 ] || exit $code
}
xrmri() {
    command=$1
    shift
    "$python" -m xrmri "$command" --preset "$preset" --no-progress "$@"
}

mkdir -p "$work/settings"
given() { # NAME=VALUE... without those that have no value
    for one in "$@"; do [ -z "${one#*=}" ] || echo "${one%%=*} = ${one#*=}"; done
}
settings() { cat > "$work/settings/$1.toml"; }
given left_flash=0.5 "participants=$people" "matrix=$pixels" | settings cohort
given left_flash=0.5 "participants=$people" "matrix=$pixels" other_sequences=false | settings twins
# The scanner's frame is the paper's.
given 'frame="scanner"' "shares=[$shares]" "size=$pixels" | settings dataset
given "max_steps=$vae_steps" | settings vae
# Nobody is told more than film, depth and readings; the anchor is ours alone.
trained() {
    name=$1 method=$2 anchor=$3
    shift 3
    given "method=\"$method\"" "anchor=$anchor" covariates=false "max_steps=$steps" "$@" | settings "$name"
}
for name in $searched; do
    method=$name
    [ $name = hidden ] && method=ldm # a setting it has no use for
    trained $name $method false
    given "method=\"$method\"" anchor=false covariates=false "max_steps=$search_steps" fits=false | settings "search-$name"
done
trained no-readings xray2mri false 'without=["features"]'
trained anchored xray2mri true "anchor_steps=$anchor_steps" "anchor_batch_size=$anchor_knees"

dataset=$work/dataset controls= masks=
if [ -z "${OAI:-}" ]; then
    OAI=$work/oai masks=$work/oai
    xrmri phantom --config "$work/settings/cohort.toml" --labels -o "$OAI"
    for twin in $twins; do
        xrmri phantom --config "$work/settings/twins.toml" --twin "$twin" -o "$work/oai-twin$twin"
    done
else
    twins=
fi
xrmri detect-knee "$OAI" -o "$work/knees" # the films of twins are the same
build() {
    from=$1 to=$2
    shift 2
    xrmri build-dataset "$from" --knees "$work/knees" --config "$work/settings/dataset.toml" "$@" -o "$to"
}
build "$OAI" "$dataset" --figures
for twin in $twins; do
    build "$work/oai-twin$twin" "$dataset-twin$twin"
    controls="$controls --twin $dataset-twin$twin"
done
xrmri train-vae "$dataset" --config "$work/settings/vae.toml" -o "$work/vae"

# The learning rate of each method: as many rates and steps for all, the val split decides.
train() { # SETTINGS FOLDER OPTION...
    settings=$work/settings/$1.toml to=$2
    shift 2
    case $settings in
    *hidden.toml) "$python" -m tests.reproduction.hidden "$dataset" --preset "$preset" --config "$settings" "$@" -o "$to" ;;
    *) xrmri train-ldm "$dataset" "$work/vae" --config "$settings" --latents "$work/latents" "$@" -o "$to" ;;
    esac
}
try() {
    train "search-$1" "$work/search/$1/$2" --learning-rate "$2" || {
        code=$? # a rate at which the loss is no longer finite ends with 3, and is out
        [ $code -eq 3 ] || exit $code
    }
}
for method in $searched; do
    for rate in $rates; do beside try "$method" "$rate"; done
done
all_done
for method in $searched; do
    "$python" -m tests.reproduction.learning_rate "$work/search/$method" "$work/settings/$method.toml"
done
for method in anchored no-readings; do
    "$python" -m tests.reproduction.learning_rate "$work/search/xray2mri" "$work/settings/$method.toml"
done

# Better than three rivals? Does the joint gain most? Both seeds, all in one comparison each.
trained_and_drawn() {
    train "$1" "$work/seed$2/$1" --seed "$2"
    [ "$1" != hidden ] || return 0 # it is drawn where others lie
    xrmri generate "$dataset" --model "$work/seed$2/$1" -o "$work/seed$2/volumes/$1"
    [ "$1" != anchored ] || xrmri generate "$dataset" --model "$work/seed$2/$1" --mean -o "$work/seed$2/volumes/regression"
}
for seed in $seeds; do
    for method in $methods hidden; do beside trained_and_drawn "$method" "$seed"; done
done
all_done
for seed in $seeds; do
    here=$work/seed$seed others="--also $work/seed$seed/volumes/hidden"
    "$python" -m tests.reproduction.hidden "$dataset" --preset "$preset" --config "$work/settings/hidden.toml" \
        --draw "$here/hidden" --like "$here/volumes/ldm" -o "$here/volumes/hidden"
    for method in $methods; do
        [ $method = anchored ] || others="$others --also $here/volumes/$method"
    done
    # shellcheck disable=SC2086 # lists of options
    xrmri evaluate "$here/volumes/anchored" "$dataset" --also "$here/volumes/regression" $others $controls \
        -o "$work/evaluation-seed$seed"
done

# What do readings add? The same knee, film and noise, read as free of a sign and as having it.
first=$work/seed${seeds%% *}
read_as() { xrmri generate "$dataset" --model "$first/$2" --set "$1=$3" -o "$work/signs/$1-$2-$3"; }
for sign in $signs; do
    for method in $flipped; do
        for grade in 0 1; do beside read_as "$sign" "$method" $grade; done
    done
done
all_done
for sign in $signs; do
    for method in $flipped; do
        here=$work/signs/$sign-$method
        xrmri evaluate "$here-0" "$dataset" --flipped "$here-1" -o "$work/evaluation-$sign-$method"
    done
done
# shellcheck disable=SC2086
[ -z "$masks" ] || "$python" -m tests.reproduction.signs "$work" "$masks/labels" "$first/volumes" $signs

# Are more depths smoother, and is a slice in between more than a blend of its neighbours?
at_depths() {
    # shellcheck disable=SC2086
    xrmri generate "$dataset" --model "$first/xray2mri" --noise "$1" --num-slices "$2" $some -o "$work/depths/$1-$2"
}
for noise in $noises; do
    for slices in $depths; do beside at_depths "$noise" "$slices"; done
done
all_done
for noise in $noises; do
    here=$work/depths/$noise others=
    for slices in $depths; do
        [ "$slices" = $matched ] || others="$others --also $here-$slices"
    done
    # shellcheck disable=SC2086
    xrmri evaluate "$here-$matched" "$dataset" $others $quick -o "$work/evaluation-depths-$noise"
    "$python" -m tests.reproduction.blended "$here-$matched" "$here-blended" # what needs no model
    # shellcheck disable=SC2086
    xrmri evaluate "$here-$matched" "$dataset" --also "$here-blended" $quick -o "$work/evaluation-between-$noise"
done
"$python" -m tests.reproduction.results "$work"
