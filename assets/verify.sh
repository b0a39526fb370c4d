#!/usr/bin/env bash
# Checks a run's transcript without keyward: bash, jq, ssh-keygen and sha256sum (or shasum) are enough.
#   verify.sh RUN ALLOWED_SIGNERS
# It checks that every line follows from the one before, every signature and who made it, and every file that the
# transcript names by digest. It does not judge whether what happened was allowed to: `keyward verify` does.
set -euo pipefail
run=${1:?usage: verify.sh RUN ALLOWED_SIGNERS} allowed=$(realpath "${2:?usage: verify.sh RUN ALLOWED_SIGNERS}")
cd "$run"
sha256() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi | cut -d ' ' -f 1; }
broken() { echo "BROKEN: $1" >&2; exit 20; }
lines=$(mktemp -d)
trap 'rm -r "$lines"' EXIT

[[ $(tail -c 1 transcript.jsonl | wc -l) -eq 1 ]] || broken "the last line is torn"
split -l 1 -a 5 transcript.jsonl "$lines/"
digest=() n=0 prev=$(printf '0%.0s' {1..64})
while read -r one; do digest+=("$one"); done < <(sha256 "$lines"/*)
while read -r at before sigs; do
    [[ $at == "$n" && $before == "$prev" ]] || broken "line $((n + 1)) does not follow from the one before"
    expected=
    for file in $(find signatures -name "$(printf %06d $((n - 1))).*.sig" | sort); do
        expected+="$(basename "$file")=$(sha256 "$file");"
    done
    [[ $sigs == "$expected" ]] || broken "the signatures of line $n are not those that line $((n + 1)) names"
    prev=${digest[n]} n=$((n + 1))
done < <(jq -r '"\(.n) \(.prev) \([.sigs // {} | to_entries | sort_by(.key)[] | "\(.key)=\(.value);"] | add // "")"' transcript.jsonl)
((n > 0 && n == ${#digest[@]})) || broken "line $((n + 1)) is no JSON"

signatures=0 last=-1
for file in signatures/*.sig; do
    name=$(basename "$file" .sig)
    at=$((10#${name%%.*})) who=${name#*.}
    time=$(sed -n "$((at + 1))p" transcript.jsonl | jq -r '(.wall // .at) | gsub("[-:T]|[.][0-9]+"; "")')
    head -n "$((at + 1))" transcript.jsonl |
        ssh-keygen -Y verify -f "$allowed" -I "$who" -n operator@keyward -Overify-time="$time" -s "$file" >/dev/null ||
        { echo "UNTRUSTED: $file" >&2; exit 21; }
    signatures=$((signatures + 1)) last=$at
done
[[ -e signatures/000000.$(head -n 1 transcript.jsonl | jq -r .by).sig ]] || broken "the opening is not signed"

digests=$(head -n 1 transcript.jsonl | jq -r '
    "\(.runbook.sha256) runbook.yaml", "\(.roster) roster.json",
    (.connectors | to_entries[] | "\(.value) connectors/\(.key).yaml")')
while read -r digest file; do
    [[ $(sha256 "$file") == "$digest" ]] || broken "$file is not the one that was run"
done <<<"$digests"
if [[ -d blobs ]]; then
    for blob in blobs/*; do
        [[ $(sha256 "$blob") == "$(basename "$blob")" ]] || broken "$blob is another"
    done
fi
jq -rs '.[] | select(.kind == "confirmed") | "\(.digest) \(.action | @base64)"' transcript.jsonl |
    while read -r digest action; do
        [[ $(base64 --decode <<<"$action" | sha256) == "$digest" ]] || broken "a confirmation's digest is not that of its action"
    done

if ((last + 1 == n)) && [[ $(tail -n 1 transcript.jsonl | jq -r .kind) == sealed ]]; then
    echo "$n lines, $signatures signatures: sealed as $(tail -n 1 transcript.jsonl | jq -r .status). Head $prev"
else
    echo "$n lines, $signatures signatures: open, signed up to line $((last + 1)). Head $prev"
    exit 10
fi
