#!/usr/bin/env bash
# verify.sh BUNDLE [--trust DIR]: the thirteen steps of `gate verify` with bash, coreutils, jq (1.6 or newer), openssl and ssh-keygen alone.
# Offline. BUNDLE is the bundle that this file lies in if none is named: a convenience, not to be trusted; keep a copy of your own.
# DIR holds gate*.pub.pem, release*.pub.pem and approvers.json, which you have by another way than the bundle.
# Exit: 0 VALID, 20 INVALID, 21 INCOMPLETE, 22 UNTRUSTED, 2 usage, 1 a program is missing. VERIFY.md says what each step checks.
# shellcheck disable=SC2015,SC2016 # `a && b || invalid` is meant: whatever goes wrong is INVALID; and jq's variables are no shell's
set -u
export LC_ALL=C
unset CDPATH GLOBIGNORE
shopt -s nullglob dotglob
umask 077
lib=$(<"${BASH_SOURCE[0]%/*}/verify.jq") || exit 1

stop() { # STATUS SENTENCE
  printf 'verify.sh: %s\n' "$2" >&2
  exit "$1"
}
titles=(Folder Bag 'Payload manifest' 'Tag manifest' Journal Verdict Reports 'Statement of the gate' 'Signature of the gate' Approvals Rules Decision 'Bundle before')
step=1 worst=VALID reason='' first=0 log='' small=8388608 report=268435456 bundle='' trust='' tops=() data=() papers=() approvals=() gate_keys=' ' release_keys=' '
said() { # STATE NOTE: the result of the current step; the first of the worst state counts
  local note=${2//[^[:print:]]/?}
  log+=$(printf '%3d %s: %s' "$step" "${titles[step - 1]}" "$1 ${note:0:300}")$'\n'
  case $1-$worst in
    INVALID-* | UNTRUSTED-VALID | UNTRUSTED-INCOMPLETE | INCOMPLETE-VALID) worst=$1 reason=${note:0:300} first=$step ;;
  esac
  [[ $1 != INVALID ]] || conclude
  step=$((step + 1))
}
conclude() {
  if [[ $worst == VALID ]]; then echo 'VALID: every step holds'; else printf '%s: %s (step %d)\n' "$worst" "$reason" "$first"; fi
  printf 'Verdict of the gate: %s; decision: %s\n%s' "${verdict:-unknown}" "${result:-none}" "$log"
  case $worst in VALID) exit 0 ;; INVALID) exit 20 ;; INCOMPLETE) exit 21 ;; *) exit 22 ;; esac
}
invalid() { said INVALID "$1"; }
plain() { [[ -f $1 && ! -L $1 && -r $1 ]]; }
folder() { [[ -d $1 && ! -L $1 && -r $1 && -x $1 ]]; }
fits() { plain "$1" && (($(stat -c %s -- "$1") <= ${2:-$small})); } # FILE [BYTES]
need() { fits "$@" || invalid "${1##*/} cannot be read, or is too large"; }
ask() { jq -n "$lib $1" "${@:2}" 2>/dev/null; } # PROGRAM OPTIONS...
sha() { # FILE
  local sum
  sum=$(sha256sum <"$1") && printf '%s' "${sum%% *}"
}
utf8() { [[ $(tr -d '\0-\177' <"$1" | wc -c) == 0 ]] || [[ $(jq -nj --rawfile f "$1" '$f' | sha256sum) == "$(sha256sum <"$1")" ]]; }
lines_of() { mapfile "${@:2}" lines < <(tr '\0' '\1' <"$1"); } # FILE OPTIONS: into $lines; bash would drop bytes of nothing
hex() { od -An -v -tx1 | tr -d ' \n'; }
base64_file() { base64 -d <"$1" >"$2" 2>/dev/null && [[ $(base64 -w0 <"$2" | sha256sum) == "$(sha256sum <"$1")" ]]; } # TEXT BYTES, written in the one way

public() { # PEM: the key's name, the SHA-256 of its DER; only ECDSA P-256, uncompressed
  fits "$1" 65536 && openssl pkey -pubin -in "$1" -outform DER -out "$tmp/der" 2>/dev/null || return 1
  point=$(hex <"$tmp/der")
  [[ $point == 3059301306072a8648ce3d020106082a8648ce3d03010703420004* && ${#point} == 182 ]] || return 1
  point=${point:52} keyid=$(sha "$tmp/der")
}
keys() { # PREFIX: the names of the trust folder's keys of that kind
  local pem
  for pem in "$trust/$1"*.pub.pem; do
    public "$pem" || stop 2 "$pem is no ECDSA P-256 public key in a PEM file"
    [[ $1 == release && $gate_keys == *" $keyid "* ]] && stop 2 "the key ${keyid:0:16} may sign runs and decisions"
    declare -g "$1_keys"+="$keyid "
    [[ $1 == release ]] || points+=("$point")
  done
}
load_trust() {
  local one blob points=()
  [[ -d $trust ]] || stop 2 "the trust folder $trust does not exist"
  keys gate
  keys release
  if [[ -e $trust/approvers.json ]]; then
    [[ -f $trust/approvers.json ]] && cp -- "$trust/approvers.json" "$tmp/approvers.json" && fits "$tmp/approvers.json" 1000000 && utf8 "$tmp/approvers.json" &&
      ask '$f | parse_line | approvers | .person[].key[].public' -r --rawfile f "$tmp/approvers.json" >"$tmp/people" || stop 2 "$trust/approvers.json is not what gate trust writes"
    while read -r _ one; do
      blob=$(base64 -d <<<"$one" 2>/dev/null | hex)
      for point in "${points[@]}"; do [[ $blob != *"$point"* ]] || stop 2 "a person's key is the gate's own"; done
    done <"$tmp/people"
  elif [[ -e $trust/approvers.toml ]]; then
    stop 2 "$trust holds approvers.toml and no approvers.json; make it: gate trust $trust"
  fi
  [[ $gate_keys$release_keys != '  ' || -e $tmp/approvers.json ]] || stop 2 "the trust folder $trust is empty"
}

check_folder() { # 1
  local path name names=''
  folder "$bundle" || invalid 'it is no folder that can be read'
  tops=("$bundle"/*)
  [[ ${#tops[@]} == 1 && ${tops[0]##*/} == data ]] && said INCOMPLETE 'the run was never finished: there is no bag, only what was seen so far' && conclude
  for path in "${tops[@]}"; do
    name=${path##*/}
    case $name in
      bagit.txt | bag-info.txt | manifest-sha256.txt | tagmanifest-sha256.txt) plain "$path" || invalid "$name is no plain file" ;;
      data | attestations) folder "$path" || invalid "$name is no folder" ;;
      *) invalid "'$name' does not belong into a bundle" ;;
    esac
    names+=" $name"
  done
  [[ $names == ' attestations bag-info.txt bagit.txt data manifest-sha256.txt tagmanifest-sha256.txt' ]] || invalid 'a part of the bag is missing'
  for path in "$bundle"/data/* "$bundle"/data/load/*; do
    [[ $path == "$bundle/data/load" ]] && continue
    [[ ${path##*/} =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$ ]] && plain "$path" || invalid "data/${path##*/} does not belong into a bundle"
    data+=("$path")
  done
  path=$bundle/data/load
  [[ ! -e $path && ! -L $path ]] || { folder "$path" && [[ ${data[*]} == *"$path/"* ]]; } || invalid 'data/load is no folder with files'
  [[ ${data[0]:-} != "$path/"* ]] || invalid 'data holds nothing but a load run'
  ((!${#data[@]})) || mapfile -d '' -t data < <(printf '%s\0' "${data[@]}" | sort -z)
  papers=("$bundle"/attestations/*)
  for path in "${papers[@]}"; do
    case ${path##*/} in
      gate.dsse.json | gate.json | gate.pub.pem | release.dsse.json | release.pub.pem | approvers.json) plain "$path" || invalid "${path##*/} is no plain file" ;;
      approvals) folder "$path" || invalid 'approvals is no folder' ;;
      *) invalid "attestations/${path##*/} does not belong into a bundle" ;;
    esac
  done
  approvals=("$bundle"/attestations/approvals/*)
  for path in "${approvals[@]}"; do
    name=${path##*/}
    [[ ${name%.sig} =~ ^[0-9]{2}-[A-Za-z][A-Za-z0-9_-]{0,30}\.json$ ]] && plain "$path" || invalid "approvals/$name does not belong into a bundle"
  done
  ((${#data[@]})) && { [[ ! -e $bundle/attestations/approvals ]] || ((${#approvals[@]})); } || invalid 'an empty folder'
  said VALID "${#data[@]} files of evidence"
}
check_bag() { # 2
  local size line sums='' lines=() sum=0
  need "$bundle/bagit.txt"
  [[ $(sha256sum <"$bundle/bagit.txt") == "$(printf 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n' | sha256sum)" ]] || invalid 'bagit.txt is not that of a BagIt 1.0 bag'
  while read -r size; do sum=$((sum + size)); done < <(stat -c %s -- "${data[@]}")
  need "$bundle/bag-info.txt"
  lines_of "$bundle/bag-info.txt" -t
  for line in "${lines[@]}"; do [[ $line != Payload-Oxum:* ]] || sums+="$line "; done
  [[ $sums == "Payload-Oxum: $sum.${#data[@]} " ]] || invalid "bag-info.txt does not say Payload-Oxum: $sum.${#data[@]}"
  said VALID "Payload-Oxum: $sum.${#data[@]}"
}
check_manifest() { # 3 and 4: FILE PATHS, in order
  local lines=() i
  need "$bundle/$1"
  lines_of "$bundle/$1"
  ((${#lines[@]} == $# - 1)) || invalid "$1 does not name each file once"
  for ((i = 0; i < ${#lines[@]}; i++)); do
    [[ ${lines[i]:0:64} =~ ^[0-9a-f]{64}$ && ${lines[i]:64} == "  ${*:i+2:1}"$'\n' ]] || invalid "$1 does not name each file once, in order"
  done
  (cd -- "$bundle" && sha256sum --check --strict --status "$1") 2>/dev/null || invalid "a file that $1 names was changed"
  said VALID "$(($# - 1)) files"
}
check_journal() { # 5: the digest of every line by a few processes, whatever its length
  local lines=() i
  mkdir "$tmp/lines" && : >"$tmp/digests"
  utf8 "$bundle/data/journal.jsonl" && split -l 1 -a 7 -d -- "$bundle/data/journal.jsonl" "$tmp/lines/" || invalid 'the journal is no text'
  lines=("$tmp"/lines/*)
  for ((i = 0; i < ${#lines[@]}; i += 2000)); do
    truncate -s -1 -- "${lines[@]:i:2000}" && sha256sum -- "${lines[@]:i:2000}" >>"$tmp/digests" || invalid 'the journal cannot be cut into lines'
  done
  rm -rf -- "$tmp/lines"
  ask '($f | split("\n")) as $lines | $lines[:-1] | map(parse) | record($d | split("\n")[:-1] | map(.[:64]); $lines[-1]) | told' -rc \
    --rawfile f "$bundle/data/journal.jsonl" --rawfile d "$tmp/digests" >"$tmp/told" && mapfile -t told <"$tmp/told" && [[ ${told[1]:-} ]] ||
    invalid 'the journal is no unbroken chain of known events'
  printf '%s\n' "${told[0]}" >"$tmp/record"
  [[ ${told[2]:-} ]] || { said INCOMPLETE 'the run has no verdict' && conclude; }
  verdict=${told[2]}
  said VALID "${told[1]} events"
}
check_verdict() { # 6
  [[ ${told[9]:-} == true ]] || invalid 'what the journal holds gives another verdict than it says'
  said VALID "$verdict again"
}
last_lines() { [[ $(tail -n "$2" -- "$1" | sha256sum) == "$(printf '%s\n' "${@:3}" | sha256sum)" ]]; } # FILE NUMBER LINES...
check_reports() { # 7
  local text=$bundle/data ts=${told[3]} words=("${told[@]:4:3}")
  need "$text/release_gate_$ts.txt" "$report"
  need "$text/security_regression_$ts.txt" "$report"
  last_lines "$text/release_gate_$ts.txt" 3 "Security regression: ${words[0]}" "Go-live acceptance: ${words[1]}" "Release gate: ${words[2]}" || invalid 'the release report ends otherwise'
  last_lines "$text/security_regression_$ts.txt" 1 "Security regression: ${words[0]}" || invalid 'the security report ends otherwise'
  need "$text/result.json" "$report"
  jq -en --stream --slurpfile f "$text/result.json" --arg v "$verdict" '([inputs | select(length == 2 and .[0] == ["verdict"])] | length == 1)
    and ($f | length == 1 and .[0].verdict == $v)' "$text/result.json" >/dev/null 2>&1 || invalid "result.json does not say $verdict"
  said VALID "Release gate: ${words[2]}"
}
open_envelope() { # FILE NAME: NAME.payload, NAME.sig, NAME.pae and the name of the key
  local out
  fits "$1" && utf8 "$1" && out=$(ask '$f | parse_line | envelope[]' -r --rawfile f "$1") || return 1
  mapfile -t out <<<"$out"
  [[ ${#out[@]} == 3 ]] && printf '%s' "${out[0]}" >"$tmp/b64" && base64_file "$tmp/b64" "$tmp/$2.payload" && printf '%s' "${out[1]}" >"$tmp/b64" &&
    base64_file "$tmp/b64" "$tmp/$2.sig" && utf8 "$tmp/$2.payload" || return 1
  named=${out[2]}
  { printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(stat -c %s "$tmp/$2.payload")" && cat "$tmp/$2.payload"; } >"$tmp/$2.pae"
}
check_statement() { # 8
  local name file read=parse plan suites
  name=$(cd -- "$bundle/attestations" && echo gate.dsse.jso[n] gate.jso[n])
  [[ $name == gate.dsse.json || $name == gate.json ]] || invalid 'there must be one of gate.dsse.json and gate.json'
  about=attestations/$name file=$bundle/attestations/$name gate_named=''
  if [[ $name == gate.json ]]; then
    need "$file"
    utf8 "$file" || invalid 'the statement is no text'
    read=parse_line
  else
    open_envelope "$file" gate && gate_named=$named file=$tmp/gate.payload || invalid 'gate.dsse.json is no envelope'
    signed=yes
  fi
  about_sha=$(sha "$bundle/$about")
  plan=$(printf '%s' "${told[7]}" | sha256sum) suites=$(printf '%s' "${told[8]}" | sha256sum)
  ask "\$f | $read"' | . as $said | .predicate.gate.previous | if . == null or (has_only(["bundle", "sha256"]) and (.bundle | type == "string"
    and test("\\A[0-9]{8}T[0-9]{6}Z\\z")) and (.sha256 | type == "string")) then . else error("?") end | if $said == stated($r[0]; $tag; $plan[:64]; $suites[:64]; .)
    then $said.predicate.gate | ., (.previous.bundle // ""), (.previous.sha256 | tojson) else error("?") end' -rc --rawfile f "$file" --slurpfile r "$tmp/record" --arg tag "$(sha "$bundle/tagmanifest-sha256.txt")" \
    --arg plan "$plan" --arg suites "$suites" >"$tmp/told" && mapfile -t previous <"$tmp/told" && printf '%s\n' "${previous[0]}" >"$tmp/gate" ||
    invalid "the gate's statement is not what the journal and the tag manifest give"
  said VALID "$about"
}
signed_by() { # NAME COPY KEYS: 0 if a trusted key signed it; said otherwise
  public "$2" && [[ $(openssl pkey -pubin -in "$2" -pubout 2>/dev/null | sha256sum) == "$(sha256sum <"$2")" ]] || invalid "${2##*/} is no key as the gate writes it"
  [[ $keyid == "$named" ]] && openssl dgst -sha256 -verify "$2" -signature "$tmp/$1.sig" "$tmp/$1.pae" >/dev/null 2>&1 || invalid "the $1's signature does not fit"
  if [[ ! $trust ]]; then said UNTRUSTED 'no trust folder was given, and the keys in the bundle can only vouch for themselves'
  elif [[ $3 != *" $keyid "* ]]; then said UNTRUSTED "the $1's key ${keyid:0:16} is not in the trust folder"
  else return 0; fi
  return 1
}
check_signature() { # 9
  if [[ ! $signed ]]; then
    [[ ! -e $bundle/attestations/gate.pub.pem ]] || invalid 'an unsigned statement with gate.pub.pem beside it'
    said UNTRUSTED 'UNSIGNED: the gate had no key, so nothing shows that it wrote this'
  else
    named=$gate_named
    signed_by gate "$bundle/attestations/gate.pub.pem" "$gate_keys" && trusted=yes && said VALID "key ${keyid:0:16}"
  fi
}
string() { # the next string of $rest, an SSH structure in hexadecimal, into $taken
  local count=$((16#${rest:0:8})) || return 1
  ((${#rest} >= 8 && ${#rest} >= 8 + 2 * count)) || return 1
  taken=${rest:8:2*count} rest=${rest:8+2*count}
}
ssh_key() { # BLOB: kinds that are taken, whole, on an uncompressed point
  local rest=$1 taken
  string && kind=$(printf '%b' "$(printf '%s' "$taken" | fold -w 2 | while read -r byte || [[ $byte ]]; do printf '\\x%s' "$byte"; done)" | tr -d '\0')
  case $kind in
    ssh-ed25519 | sk-ssh-ed25519@openssh.com) string && ((${#taken} == 64)) || return 1 ;;
    ecdsa-sha2-nistp256 | sk-ecdsa-sha2-nistp256@openssh.com)
      string && [[ $taken == 6e69737470323536 ]] && string && [[ ${#taken} == 130 && $taken == 04* ]] || return 1
      ;;
    *) return 1 ;;
  esac
  [[ $kind != sk-* ]] || string || return 1
  [[ ! $rest ]]
}
one_way() { # RAW: the signature's numbers are written as SSH writes them, so that nobody can write it anew
  local rest=$1 taken number s=''
  if [[ $kind == *ed25519* ]]; then
    ((${#1} == 128)) || return 1
    for ((number = 126; number >= 64; number -= 2)); do s+=${1:number:2}; done
    [[ $s < 1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed ]]
  else
    for number in r s; do string && [[ $taken =~ ^(0[1-9a-f]|[1-7][0-9a-f]|00[89a-f][0-9a-f]) ]] || return 1; done
    [[ ! $rest ]]
  fi
}
ssh_signature() { # FILE MESSAGE: its key, the key's fingerprint and whether touch and PIN show, as JSON
  local lines rest taken count kind blob flags=00 factor=false key
  fits "$1" 65536 && mapfile -t lines <"$1" 2>/dev/null && ((${#lines[@]} > 2)) || return 1
  (IFS='' && printf '%s' "${lines[*]:1:${#lines[@]}-2}") | base64 -d >"$tmp/blob" 2>/dev/null || return 1
  [[ $({ echo '-----BEGIN SSH SIGNATURE-----' && base64 -w 70 "$tmp/blob" && echo '-----END SSH SIGNATURE-----'; } | sha256sum) == "$(sha256sum <"$1")" ]] || return 1
  rest=$(hex <"$tmp/blob")
  [[ $rest == 53534853494700000001* ]] && rest=${rest:20} && string && ssh_key "$taken" && count=$((${#taken} / 2)) blob=$taken || return 1
  string && [[ $taken == 72656c656173652d7369676e6f6666407631 ]] && string && [[ ! $taken ]] && string && [[ $taken == 736861323536 || $taken == 736861323536 || $taken == 736861353132 ]] || return 1
  string && [[ ! $rest ]] && rest=$taken && string && [[ $blob == "$(printf '%08x' $((${#taken} / 2)))$taken"* ]] && string && one_way "$taken" || return 1
  if [[ $kind == sk-* ]]; then ((${#rest} == 10)) && flags=${rest:0:2}; else [[ ! $rest ]]; fi || return 1
  ssh-keygen -Y check-novalidate -n release-signoff@v1 -s "$1" <"$2" >/dev/null 2>&1 || return 1
  tail -c +15 "$tmp/blob" | head -c "$count" >"$tmp/key"
  key=$(openssl dgst -sha256 -binary "$tmp/key" | base64)
  (((16#$flags & 5) == 5)) && factor=true
  printf '{"public": "%s", "fingerprint": "%s", "second_factor": %s}' "$kind $(base64 -w0 "$tmp/key")" "SHA256:${key%%=*}" $factor
}
check_approvals() { # 10, and what 11 and 12 need of it
  local path name key number=0 options=()
  for path in "${approvals[@]}"; do
    name=${path##*/}
    if [[ $name == *.sig ]]; then [[ -e ${path%.sig} ]]; else [[ -e $path.sig ]]; fi || invalid 'a paper without its signature, or a signature without its paper'
    [[ $name == *.sig ]] && continue
    number=$((number + 1))
    ((10#${name:0:2} == number)) || invalid 'the papers are not numbered from 01 on'
    need "$path"
    key=$(ssh_signature "$path.sig" "$path") || invalid "the signature of $name is not over it, or not made for this purpose"
    utf8 "$path" || invalid "$name is no text"
    options+=(--rawfile "text$number" "$path" --arg "name$number" "$name" --argjson "key$number" "$key")
  done
  ask '$ARGS.named as $a | range(1; $n + 1) | $a["text\(.)"] as $text | $a["name\(.)"] as $name | $a["key\(.)"] as $key | $text | parse_line
    | paper($name; $about; $sha; $key)' -c --argjson n "$number" --arg about "$about" --arg sha "$about_sha" "${options[@]}" >"$tmp/papers" ||
    invalid "a paper is none about this bundle's evidence"
  read_decision
  [[ -e $tmp/approvers.json ]] || { said UNTRUSTED 'no trust policy about people was given (approvers.json)' && return; }
  ask '($w | fromjson) as $who | $papers | untrusted($who) as $untrusted | ($untrusted[0] // ""),
    (if $untrusted != [] then "" else (broken($who; $gate[0]; $at) + missing($who))[0] // "" end) | tojson' \
    -r --slurpfile papers "$tmp/papers" --rawfile w "$tmp/approvers.json" --slurpfile gate "$tmp/gate" --arg at "$at" >"$tmp/told" &&
    mapfile -t findings <"$tmp/told" && ((${#findings[@]} == 2)) || invalid 'the papers cannot be judged'
  problem=${findings[1]:1:-1}
  if [[ ${findings[0]} == '""' ]]; then judged=yes && said VALID "$number papers"; else said UNTRUSTED "${findings[0]:1:-1}"; fi
}
check_rules() { # 11
  if [[ ! $judged ]]; then said UNTRUSTED 'they cannot be applied to papers that are not trusted'
  elif [[ $problem && $made != yes ]]; then said INCOMPLETE "$problem"
  else said VALID "${problem:-all hold}"; fi
}
read_decision() { # $made: none, bad or yes; then $at and $result
  local file=$bundle/attestations/release.dsse.json people=$bundle/attestations/approvers.json
  made=bad at=''
  if [[ ! -e $file ]]; then
    [[ -e $people || -e $bundle/attestations/release.pub.pem ]] || made=none
    return
  fi
  (cd -- "$bundle" && for path in attestations/* attestations/approvals/*; do [[ ! -f $path || $path == attestations/release.dsse.json ]] || sha256sum -- "$path"; done) >"$tmp/inputs"
  open_envelope "$file" release && decision_named=$named && fits "$people" && utf8 "$people" || return
  ask '$p | parse_line | approvers | $f | parse | decision($r[0]; $about; $sha; $i | split("\n")[:-1] | map({digest: {sha256: .[:64]}, uri: .[66:]}) | sort_by(.uri); $policy)
    | .timeVerified, .verificationResult, any(.gate.reasons[]; test("ran the gate|wrote the commit"))' -r --rawfile f "$tmp/release.payload" --rawfile p "$people" \
    --slurpfile r "$tmp/record" --arg about "$about" --arg sha "$about_sha" --rawfile i "$tmp/inputs" --arg policy "$(sha "$people")" >"$tmp/told" || return
  mapfile -t decided <"$tmp/told" && ((${#decided[@]} == 3)) && at=${decided[0]} result=${decided[1]} made=yes
}
check_decision() { # 12
  [[ $made != none ]] || { said INCOMPLETE 'no decision was made yet' && return; }
  [[ $made == yes ]] || invalid 'the decision is none on this bundle as it is, or its copies are'
  [[ $decision_named != "$gate_named" ]] || invalid 'the decision is signed with the key of the gate, which only says what it saw'
  named=$decision_named
  signed_by release "$bundle/attestations/release.pub.pem" "$release_keys" || return
  [[ -e $tmp/approvers.json && $(sha "$tmp/approvers.json") == "$(sha "$bundle/attestations/approvers.json")" ]] ||
    { said UNTRUSTED 'it was decided under another trust policy than the one in the trust folder' && return; }
  if [[ $judged && $problem && $result == PASSED ]]; then invalid "the decision says PASSED, but $problem"
  elif [[ $judged && ! $problem && $result == FAILED && $trusted ]]; then
    # Names that are not ASCII may mean one person to `gate verify` and two to jq; a decision that is the stricter of both is taken.
    [[ ${decided[2]} == true ]] || invalid 'the decision says FAILED, but every rule holds'
  fi
  said VALID "$result, key ${keyid:0:16}"
}
check_before() { # 13
  local name=${previous[1]} before file
  before=$(cd -- "$bundle" && pwd -P) && before=${before%/*}/$name/attestations
  for file in "$before/gate.dsse.json" "$before/gate.json"; do
    [[ $name ]] && plain "$file" || continue
    [[ "\"$(sha "$file")\"" == "${previous[2]}" ]] || invalid "$name beside it is not the one that it names"
    said VALID "$name, unchanged" && return
  done
  said VALID "${name:-none: the first of its folder}${name:+, which is not here}"
}

while (($#)); do
  case $1 in
    --trust) (($# > 1)) && [[ $2 ]] || stop 2 'usage: verify.sh BUNDLE [--trust DIR]'; trust=$2 && shift ;;
    --trust=?*) trust=${1#*=} ;;
    -h | --help) echo 'usage: verify.sh BUNDLE [--trust DIR]' && exit 0 ;;
    -*) stop 2 'usage: verify.sh BUNDLE [--trust DIR]; a name that begins with - is written ./-name' ;;
    *) [[ ! $bundle && $1 ]] || stop 2 'usage: verify.sh BUNDLE [--trust DIR]'; bundle=$1 ;;
  esac
  shift
done
for program in jq openssl ssh-keygen sha256sum base64 od split stat truncate; do command -v "$program" >/dev/null || stop 1 "$program is not installed"; done
[[ $bundle ]] || bundle=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P) || stop 2 'no bundle'
while [[ $bundle == ?*/ ]]; do bundle=${bundle%/}; done
[[ -d $bundle ]] || stop 2 "$bundle is no folder"
[[ $bundle == /* ]] || bundle=./$bundle
[[ ! $trust || $trust == /* ]] || trust=./$trust
tmp=$(mktemp -d) || stop 1 'no room for temporary files'
trap 'rm -rf -- "$tmp"' EXIT
trap 'exit 130' HUP INT TERM
signed='' trusted='' judged='' problem='' made='' result='' verdict='' named=''
[[ ! $trust ]] || load_trust
check_folder
check_bag
check_manifest manifest-sha256.txt "${data[@]/#"$bundle"\//}"
check_manifest tagmanifest-sha256.txt bag-info.txt bagit.txt manifest-sha256.txt
check_journal
check_verdict
check_reports
check_statement
check_signature
check_approvals
check_rules
check_decision
check_before
conclude
