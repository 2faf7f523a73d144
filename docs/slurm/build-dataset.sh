#!/bin/bash
# Builds a dataset on Slurm: an array with a task a shard, then one job that merges the shards.
#
#   docs/slurm/build-dataset.sh OAI DATASET SHARDS [OPTION OF build-dataset...]
#   docs/slurm/build-dataset.sh /data/oai /scratch/dataset 34 --knees /scratch/knees
#
# Give the same line again after a failure, and only the shards that are missing are built.
# AT_ONCE limits the tasks that run at a time (default 8), out of respect for the file system. SBATCH_PARTITION,
# SBATCH_ACCOUNT, SBATCH_TIMELIMIT and the like are sbatch's own. `xrmri` must be on the PATH.
set -euo pipefail
if [ $# -lt 3 ]; then
    sed -n '2,9p' "$0" >&2
    exit 2
fi
dataset=$2
shards=$3
here=$(dirname "$(realpath "$0")")

missing=
for ((shard = 0; shard < shards; shard++)); do
    record=$(printf '%s/pairs-%05d-of-%05d.json' "$dataset" "$shard" "$shards") # written last, when all is there
    [ -e "$record" ] || missing+=${missing:+,}$shard
done

after=()
if [ -n "$missing" ]; then
    array=$(sbatch --parsable --array="$missing%${AT_ONCE:-8}" "$here/shard.sbatch" "$@")
    echo "shards $missing: job $array"
    # afterany, because afterok would leave the merge waiting for ever once a task fails; the merge looks for itself.
    after=("--dependency=afterany:$array")
fi
echo "merge: job $(sbatch --parsable "${after[@]}" "$here/merge.sbatch" "$@")"
