#!/bin/sh
# What a film can tell at best: people, three twins of each and a fourth as a cheat, evaluated in both frames.
# tests/ceiling.sh PYTHON FOLDER [PEOPLE]
set -eu
python=$1 work=$2 people=${3:-100}
mkdir -p "$work"
printf 'shares = [0.5, 0.1, 0.4]\n' > "$work/shares.toml"
xrmri() { "$python" -m xrmri "$@" --no-progress; }
for twin in 0 1 2 3 4; do
    xrmri phantom --participants "$people" --seed 3 --matrix 128 --twin $twin -o "$work/oai$twin"
done
xrmri detect-knee "$work/oai0" -o "$work/knees" # the films of all are the same
for frame in scanner knee; do
    for twin in 0 1 2 3 4; do
        template=
        [ $frame = knee ] && [ $twin != 0 ] && template="--template $work/knee0"
        # shellcheck disable=SC2086 # two words or none
        xrmri build-dataset "$work/oai$twin" --knees "$work/knees" --size 128 --config "$work/shares.toml" --frame $frame $template -o "$work/$frame$twin"
    done
    "$python" tests/twin_volumes.py "$work/${frame}4" "$work/${frame}0" "$work/cheat-$frame"
    xrmri evaluate "$work/cheat-$frame" "$work/${frame}0" --twin "$work/${frame}1" --twin "$work/${frame}2" \
        --twin "$work/${frame}3" -o "$work/evaluation-$frame"
done
"$python" tests/ceiling_table.py "$work"
