# The rules of verify.sh in jq. In a bundle's verify.sh they stand in the script itself.
# -- JSON as RFC 8785 has it
def exponent($s; $i; $f; $e): if $e < 0 and $e >= -6 then $s + "0." + "0" * (-$e - 1) + $i + $f
  else $s + $i + (if $f == "" then "" else "." + $f end) + "e" + (if $e < 0 then "" else "+" end) + ($e | tostring) end;
def number: if . == 0 then "0" elif . == floor and fabs < 9007199254740992 then . + 0 | tostring
  elif fabs >= 9007199254740992 and fabs < 1e21 then error("a number that is not exact") else (fabs >= 1e21) as $long | . + 0 | tostring
  | if test("[eE]") then capture("^(?<s>-?)(?<i>[0-9])[.]?(?<f>[0-9]*)[eE](?<e>.*)$")
    | exponent(.s; .i; .f; .e | ltrimstr("+") | tonumber)
    elif $long then capture("^(?<s>-?)(?<i>[0-9])(?<r>(?<f>[0-9]*?)0*)$") | exponent(.s; .i; .f; .r | length) else . end end;
def quoted: tojson | split("\\u007f") | join("\u007f");
def units: explode | map(if . > 65535 then (55296 + ((. - 65536) / 1024 | floor), 56320 + (. - 65536) % 1024) else . end);
def ordered: if join("") | utf8bytelength == length then . else sort_by(units) end;
def canon: if type == "object" then . as $o | "{" + ([keys | ordered[] | quoted + ":" + (. as $k | $o[$k] | canon)] | join(",")) + "}"
  elif type == "array" then "[" + (map(canon) | join(",")) + "]" elif type == "string" then quoted
  elif type == "number" then number else tojson end;
def parse: . as $raw | fromjson | if canon == $raw then . else error("JSON that could be written in another way") end;
def parse_line: if endswith("\n") then .[:-1] | parse else error("no newline at the end") end;
# -- what values must be
def has_only($names): type == "object" and keys == ($names | sort);
def texts: type == "array" and all(.[]; type == "string");
def is_day: type == "string" and test("\\A[0-9]{4}-(0[1-9]|1[0-2])-[0-9]{2}\\z") and (.[0:4] | tonumber) as $y | (.[5:7] | tonumber) as $m
  | $y > 0 and (.[8:10] | tonumber) >= 1 and (.[8:10] | tonumber) <= [31, (if $y % 4 == 0 and ($y % 100 != 0 or $y % 400 == 0)
  then 29 else 28 end), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][$m - 1];
def fits($t): . as $v | if ($t | type) == "array" then any($t[]; . == $v)
  elif ($t | type) == "object" then type == "object" and (keys - ($t | keys | map(rtrimstr("="))) == []) and all($t | keys[]; . as $k
    | ($k | rtrimstr("=")) as $n | if $v | has($n) then $v[$n] | fits($t[$k]) else $k != $n end)
  elif $t[:1] == "?" then . == null or fits($t[1:]) elif $t[:1] == "*" then type == "array" and all(.[]; fits($t[1:]))
  elif $t[:1] == "%" then type == "object" and all(.[]; fits($t[1:])) elif $t == "i" then type == "number" and . == floor and fabs < 9007199254740992
  elif $t == "t" then type == "string" and . != "" else type == {s: "string", n: "number", b: "boolean"}[$t] end;
def w: {severity: ["low", "medium", "high", "critical"], verdict: ["GO", "NO-GO", "INCONCLUSIVE"], criterion: ["gate", "recall", "audit", "auth", "errors"],
  outcome: ["passed", "failed", "error", "inconclusive", "not_run", "not_applicable"],
  state: ["used", "orphan", "forbidden", "duplicate", "incomplete", "self_approved", "too_long", "not_yet_valid", "expired", "unused"]};
def control: {id: "s", title: "s", severity: w.severity, basis: ["contract", "hardening"], criterion: w.criterion, phase: [0, 1, 2, 3, 4, 5],
  safety: ["read", "denied", "drill", "burst"], suite: "s", source: "s", "references=": "*s", "why=": "s", "mend=": "s", "feature=": "?s",
  "endpoint=": "?s", "covers=": "*s", "waivable=": "b"};
def waiver: {control: "s", fingerprint: "s", reason: "s", risk: "s", requester: "s", approver: "s", ticket: "s", since: "s", until: "s"};
def terms: {contract: w.severity, hardening: [null, w.severity[]], not_applicable_criteria: "*s", inputs: "%?s", packages: "%s", suites_commit: "s",
  sources: "%s", "waivers=": ["any"]};
def events: {"run.started": (reduce ("run_id", "bundle", "out_dir", "gate_version", "operator", "environment", "base_url", "profile", "policy",
    "batch_code", "release_sha", "release_tag", "artifact", "commit_author") as $n ({}; .[$n] = "s")),
  observation: {number: "i", at: "s", request_id: "s", phase: "s", method: "s", target: "s", identity: "?s", safety: "s", note: "s", status: "?i",
    failure: "?s", seconds: "n", first_byte: "?n", size: "i", sha256: "?s"}, "run.interrupted": {reason: "t"},
  outcome: {control: "s", outcome: w.outcome, "reason=": "s", "expected=": "s", "seen=": "s", "measured=": "i", "requests=": "*i",
    "fingerprint=": "s", "kind=": "s"}};
def sound($e): .data | if $e == "fact" then has_only(["name", "value"]) and (.name | type == "string")
  elif $e == "plan" then has_only(["controls", "not_applicable", "terms"]) and (.not_applicable | fits("%t")) and (.controls | type == "array"
    and all(.[]; fits(control)) and (map(.id) | length == (unique | length))) and (.terms | (del(.waivers) | fits(terms)) and (.not_applicable_criteria
    - w.criterion == []) and (.waivers == null and (has("waivers") | not) or (.waivers | type == "array" and all(.[]; fits(waiver) and all(.since, .until; is_day)))))
  elif $e == "triggers" then has_only(["triggers"]) and (.triggers | type == "array" and all(.[]; fits({id: "s", title: "s",
    state: ["fired", "clear", "unknown"], evidence: "*s", actions: "*s"})))
  elif $e == "verdict" then .verdict as $v | .exit_status == {GO: 0, "NO-GO": 10, INCONCLUSIVE: 11}[$v] and (del(.exit_status, .criteria, .waivers)
    | fits({verdict: w.verdict, security: w.verdict, acceptance: w.verdict, blocking: "*s", reported: "*s", before_waivers: w.verdict, waived: "*s"}))
    and (.criteria | type == "array" and all(.[]; fits({criterion: w.criterion, verdict: [null, w.verdict[]], controls: "*s", blocking: "*s"})))
    and (.waivers | type == "array" and all(.[]; fits({control: "s", fingerprint: "s", state: w.state, days_left: "i", problem: "s"})))
  else fits(events[$e] // error("an unknown event")) and (if $e == "run.started" then .bundle | test("\\A[0-9]{8}T[0-9]{6}Z\\z") elif $e != "outcome" then true
    elif .outcome == "passed" then .measured // 0 | . > 0 else .reason // "" | . != "" end) end;
def is_moment($zone): type == "string" and (.[:10] | is_day) and (.[10:] | test("\\AT([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]" + $zone + "\\z"));
def once($e): map(select(.event == $e)) | length <= 1;
def chained($digests): . as $all | all(range(length); . as $i | $all[$i] | has_only(["at", "data", "event", "prev", "seq"]) and .seq == $i
  and .prev == "sha256:" + (if $i == 0 then "0" * 64 else $digests[$i - 1] end) and (.at | is_moment("[.][0-9]{3}Z"))
  and (.event | type == "string") and (.data | type == "object") and sound(.event));
def placed: . as $all | map(.event) as $names | ($names | index("plan")) as $plan | $names[0] == "run.started" and once("run.started") and once("plan")
  and once("triggers") and (($names | index("verdict")) as $v | $v == null or ($v == length - 1 and ($names | index("run.interrupted")) == null))
  and all(("outcome", "verdict", "triggers") as $e | $names | index($e); . == null or ($plan != null and $plan < .))
  and (map(select(.event == "observation").data.number) | length == (unique | length))
  and (map(select(.event == "outcome").data) as $o | ($o | length == (map(.control) | unique | length)) and ($plan == null or ($all[$plan].data as $p
    | ($p.controls | map({(.id): true}) | add // {}) as $known | all($o[]; if $p.not_applicable[.control] then .outcome == "not_applicable" else $known[.control] end))));
def record($digests; $torn): if length > 0 and chained($digests) and placed and (.[-1].event != "verdict" or $torn == "") then . else error("no journal") end
  | (map(select(.event == "plan"))[0].data // {controls: [], not_applicable: {}}) as $plan | {started: .[0], last: .[-1], events: length, head: $digests[-1],
    verdict: (if .[-1].event == "verdict" then .[-1].data | del(.exit_status) else null end), controls: $plan.controls, terms: $plan.terms,
    results: (($plan.not_applicable | map_values({outcome: "not_applicable"})) + (map(select(.event == "outcome").data | {(.control): .}) | add // {}))};
def days: (.[5:7] | tonumber) as $m | ((.[:4] | tonumber) - (if $m <= 2 then 1 else 0 end)) as $y | ($y / 400 | floor) as $era | ($y - $era * 400) as $of
  | $era * 146097 + $of * 365 + ($of / 4 | floor) - ($of / 100 | floor) + ((153 * ($m + (if $m > 2 then -3 else 9 end)) + 2) / 5 | floor)
  + (.[8:10] | tonumber) - 1;
def names: def words: ascii_downcase | gsub("[\\s_.,@-]"; " ") | gsub("[^\\p{L}\\p{N} ]"; "") | split(" ") - [""];
  "[^\\s<>()]+@[^\\s<>()]+" as $address | [., gsub($address; " "), match($address; "g").string] | map(words | (sort | join(" ")), join("")) - [""];
def same($other): (names as $one | $other | names) as $two | names | any(.[]; . as $n | any($two[]; . == $n));
def verdict($c; $how; $waived): if ($waived | index($c.id) != null) and $c.o == "failed" then "GO" elif $c.o == "passed" or $c.o == "not_applicable" then "GO"
  elif $c.o == "error" or $c.o == "not_run" then "INCONCLUSIVE" else (if $c.basis == "contract" then $how.contract else $how.hardening end) as $floor
  | if $floor == null or (w.severity | index($c.severity) < index($floor)) then "GO" elif $c.o == "failed" then "NO-GO" else "INCONCLUSIVE" end end;
def worst: if any(.[]; . == "NO-GO") then "NO-GO" elif length > 0 and all(.[]; . == "GO") then "GO" else "INCONCLUSIVE" end;
def fold: (map(.v) | worst) as $v | if $v == "GO" and (any(.[]; .o == "passed") | not) then "INCONCLUSIVE" else $v end;
def weigh($how; $waived): map(. + {v: verdict(.; $how; $waived)}) | . as $all
  | [w.criterion[] as $name | map(select($name == "gate" or .criterion == $name)) | fold as $v | [.[] | select(.v != "GO").id] as $blocking
    | {criterion: $name, verdict: (if ($how.not_applicable_criteria | index($name) != null) and $blocking == [] and $v != "GO" then null else $v end),
      controls: map(.id), blocking: $blocking}] as $criteria | map(select(.o != "passed" and .o != "not_applicable")) as $failed
  | ([$criteria[].verdict | values] | worst) as $v | {verdict: $v, criteria: $criteria, before_waivers: $v, waived: $waived, waivers: [],
    security: (map(select(.suite == ("security", "preflight"))) | fold), acceptance: (map(select(.suite == ("acceptance", "recall", "audit",
    "automation", "preflight"))) | fold), blocking: [$failed[] | select(.v != "GO").id], reported: [$failed[] | select(.v == "GO").id]};
def judged($waivers; $day; $before): . as $x | (if .c.severity == "critical" then 14 else 90 end) as $most
  | ([$waivers[] | select(.control == $x.control and .fingerprint == $x.fingerprint)] | length) as $times | ((.until | days) - (.since | days)) as $length
  | if .c == null then ["orphan", "the run has no control of this name"]
    elif .c.criterion == "recall" then ["forbidden", "a recall control is never waived"]
    elif .c.waivable == false then ["forbidden", "\(.control) is a control that is never waived"]
    elif .c.kind == "bypass" then ["forbidden", "a way around a protection is never waived"]
    elif $times > 1 then ["duplicate", "\($times) waivers name this finding"]
    else first(("reason", "risk", "requester", "approver", "ticket") as $n | select(.[$n] | test("[\\p{L}\\p{N}]") | not)
        | ["incomplete", "it says nothing under '\($n)'"]),
      (select(.requester as $r | (.approver | same($r)) or $before == "self_approved") | ["self_approved", "the person who asked for it approved it"]),
      (select($length > $most) | ["too_long", "it runs for \($length) days; \($most) are the most for \(if $most == 14 then "a critical" else "any" end) control"]),
      (select($day < (.since | days)) | ["not_yet_valid", "it begins on \(.since)"]), (select($day > (.until | days)) | ["expired", "it ended on \(.until)"]),
      (select(.c.o != "failed") | ["unused", "only a failure can be waived, and the control's outcome is \(.c.o)"]),
      (select(.c.fingerprint == "" or .c.fingerprint != .fingerprint)
        | ["unused", "the control failed with another finding (\(if .c.fingerprint == "" then "without a fingerprint" else .c.fingerprint end))"]),
      ["used", ""] end;
def again: (.started.at | days) as $day | .verdict as $said | .results as $results | .terms as $how | [.controls[] | .id as $id | ($results[$id] // {outcome: "not_run"}) as $r
    | . + {o: $r.outcome, fingerprint: ($r.fingerprint // ""), kind: ($r.kind // "")}] as $all | ($how.waivers // []) as $waivers
  | ($all | weigh($how; [])) as $before | if $waivers == [] then $before else [range($waivers | length) as $i | $waivers[$i] | .control as $id
    | . + {c: ([$all[] | select(.id == $id)][0])} | first(judged($waivers; $day; $said.waivers[$i].state)) as $j
    | {control, fingerprint, state: $j[0], days_left: ((.until | days) - $day), problem: $j[1]}] as $states
  | (reduce ($states[] | select(.state == "used").control) as $id ([]; if index($id) then . else . + [$id] end)) as $waived
  | ($all | weigh($how; $waived)) | if all($states[]; .state == "used") then . else .verdict = "NO-GO" | .criteria[0].verdict = "NO-GO" end
  | .before_waivers = $before.verdict | .waivers = $states end;
def told: ., .events, .verdict.verdict // "", .started.data.bundle, ((.verdict.security, .verdict.acceptance, .verdict.verdict)
  | if . == "GO" then "PASS" elif . == "NO-GO" then "FAIL" else . // "" end), (.controls | map(.id) | sort | canon), (.terms.sources | canon),
  (try (.verdict == again) catch false);
def in_toto: "https://in-toto.io/Statement/v1";
def digest: {digest: {sha256: .}};
def stated($rec; $tag; $plan; $suites; $previous): $rec.started.data as $run | $rec.verdict as $v | $rec.results as $results | [$rec.controls[]
  | .id as $id | {id: .id, o: ($results[.id].outcome // "not_run"), waived: ($v.waived | index($id) != null)} | select(.o != "not_applicable")] as $all
  | {_type: in_toto, predicateType: "https://in-toto.io/attestation/test-result/v0.1",
  subject: [($run.artifact | select(. != "") | digest + {name: "artifact"}), ($tag | digest + {name: "tagmanifest-sha256.txt"})], predicate: {
  result: (if $v.verdict != "GO" then "FAILED" elif $v.waived != [] then "WARNED" else "PASSED" end),
  passedTests: ([$all[] | select(.o == "passed").id] | sort), warnedTests: ([$all[] | select(.o != "passed" and .waived).id] | sort),
  failedTests: ([$all[] | select(.o != "passed" and (.waived | not)).id] | sort), configuration: [({plan: $plan, suites: $suites} + $rec.terms.inputs)
    | keys[] as $k | .[$k] | select(. != null and . != "") | digest + {name: $k}],
  gate: {baseUrl: $run.base_url, commitAuthor: $run.commit_author, environment: $run.environment, finishedAt: $rec.last.at, operator: $run.operator,
    journal: {events: $rec.events, head: ("sha256:" + $rec.head)}, previous: $previous, runId: $run.run_id, startedAt: $rec.started.at,
    verdict: $v.verdict, version: $run.gate_version}}};
def envelope: if has_only(["payload", "payloadType", "signatures"]) and .payloadType == "application/vnd.in-toto+json" and (.payload | type == "string")
  and (.signatures | type == "array" and length == 1 and (.[0] | has_only(["keyid", "sig"]) and all(.[]; type == "string")))
  then [.payload, .signatures[0].sig, .signatures[0].keyid] else error("no envelope") end;
def rules: ["distinct-person", "distinct-key", "operator", "author", "evidence-age"];
def is_role: type == "string" and test("\\A[A-Za-z][A-Za-z0-9_-]{0,30}\\z") and ascii_downcase != "exception";
def printable: split(" ") | join("") | test("[\\p{C}\\p{Z}]") | not;
def paper($name; $about; $sha; $key): (.predicateType == "urn:cutover-gate:attestation:release-exception:v1") as $exception | .predicate as $p
  | if has_only(["_type", "predicate", "predicateType", "subject"]) and ._type == in_toto and ($exception or .predicateType
    == "urn:cutover-gate:attestation:release-approval:v1") and .subject == [$sha | digest + {name: $about}] and ($p | has_only(["keyFingerprint", "reason",
    "role", "signedAt", "signer", "statementText", (if $exception then "person", "rule" else "decision", "meaning" end)]))
    and ($p.signer | has_only(["id", "printedName"])) and all($p.signer[], ($p | del(.signer))[]; type == "string" and length <= 2000 and printable)
    and $p.keyFingerprint == $key.fingerprint and ($p.role | is_role) and $name[3:-5] == (if $exception then "EXCEPTION" else $p.role end)
    and ($p.signedAt | is_moment("Z")) and (if $exception then $p.rule | IN(rules[]) else $p.decision | IN("approve", "reject") end)
  then $p + $key + {name: $name, exception: $exception, id: $p.signer.id, printed: $p.signer.printedName} else error("no paper") end;
def is_key: type == "string" and test("\\A((sk-)?(ssh-ed25519|ecdsa-sha2-nistp256)(@openssh[.]com)?) [A-Za-z0-9+/]+={0,2}\\z");
def approvers: if has_only(["schema_version", "required_roles", "evidence_max_age_hours", "person"]) and .schema_version == 1
  and (.required_roles | texts and length > 0 and length == (unique | length)) and (.evidence_max_age_hours | fits("i") and . > 0 and . <= 8784)
  and (.person | type == "array" and length > 0 and all(.[]; has_only(["id", "name", "roles", "aliases", "may_except", "key"]) and (.roles | texts and all(.[]; is_role))
    and (.aliases | texts) and all(.id, .name, .aliases[]; type == "string" and length <= 200 and printable and test("[^ ]"))
    and (.may_except | texts and . - rules == []) and (.key | type == "array" and length > 0 and all(.[]; has_only(["public", "valid_from", "valid_until",
    "second_factor"]) and (.public | is_key) and all(.valid_from, .valid_until; is_moment("Z")) and .valid_from <= .valid_until
    and (.second_factor | type == "boolean") and (.second_factor == false or (.public | startswith("sk-")))))))
  and ([.person[].id] | length == (unique | length)) and ([.person[].key[].public] | length == (unique | length))
  and (.required_roles - [.person[].roles[]] == []) then . else error("no trust policy") end;
def ms: (.[:10] | days) * 86400000 + (.[11:13] | tonumber) * 3600000 + (.[14:16] | tonumber) * 60000 + (.[17:19] | tonumber) * 1000
  + (if length > 20 then .[20:23] | tonumber else 0 end);
def untrusted($who): [.[] | . as $p | ([$who.person[] | select(.id == $p.id)][0]) as $x | ([($x.key // [])[] | select(.public == $p.public)][0]) as $key
  | if $x == null then "nobody whom the trust policy knows" elif $key == null then "another key than that person's" elif $key.valid_from > $p.signedAt
    or $p.signedAt > $key.valid_until then "a key that was not valid then" elif $key.second_factor and ($p.second_factor | not) then "a hardware key without touch and PIN"
    elif $x.name != $p.printed then "another printed name" else empty end | "\($p.name) was signed with: \(.)"];
def broken($who; $gate; $at): . as $all | ([$who.person[] | {(.id): .}] | add) as $people | ($who.evidence_max_age_hours * 3600000) as $limit
  | map(select(.exception | not)) as $votes | map(select(.exception)) as $lets | def granted: .rule as $r | ($people[.id].may_except | index($r) != null) and .person != .id;
  [$lets[] | select(granted) | [.rule, .role, .person]] as $excused | def let($rule; $p): any($excused[]; . == [$rule, $p.role, $p.id]);
  [($lets[] | select(granted and $people[.person] != null and (.reason | test("[^\\s]")) | not) | "\(.name): no exception that counts"),
  ($votes[] | . as $p | $people[.id] as $x | (select(.role | IN($x.roles[]) | not) | "\(.name): may not sign for \(.role)"),
    (select(.decision == "reject") | "\(.name): rejected for \(.role)"),
    ({operator: $gate.operator, author: $gate.commitAuthor} | to_entries[] | .key as $rule | .value | select(. != "") | . as $name
      | select(any($x.id, $x.name, $x.aliases[]; same($name)) and (let($rule; $p) | not)) | "\($p.name): the \($rule) may not approve"),
    (select((.signedAt | ms) - ($gate.finishedAt | ms) > $limit and (let("evidence-age"; $p) | not)) | "\(.name): the evidence was too old")),
  (select($at != "" and (any($votes[]; . as $p | let("evidence-age"; $p)) | not) and ($at | ms) - ($gate.finishedAt | ms) > $limit)
    | "the evidence was too old when the decision was made"),
  ($all[] | (select((.signedAt | ms) < ($gate.finishedAt | ms | . - . % 1000)) | "\(.name): signed before the run ended"),
    (select($at != "" and .signedAt > $at) | "\(.name): signed after the decision")),
  (range($votes | length) as $j | range($j) as $i | $votes[$i] as $one | $votes[$j] as $two | if $one.role == $two.role and $one.id == $two.id
    then "\($two.name): has signed for \($two.role) before" else (["distinct-person", $one.id == $two.id], ["distinct-key", $one.fingerprint == $two.fingerprint])
    | select(.[1]) | .[0] as $rule | select(let($rule; $one) or let($rule; $two) | not) | "\($two.name): \($rule)" end),
  (select($gate.verdict != "GO") | "the gate's verdict is \($gate.verdict), and only GO can be released")];
def missing($who): [.[] | select(.decision == "approve").role] as $signed | [$who.required_roles[] | select(IN($signed[]) | not) | "nobody has approved for \(.)"];
def decision($rec; $about; $sha; $inputs; $policy): .predicate as $p | ($p.verificationResult == "PASSED") as $passed
  | if has_only(["_type", "predicate", "predicateType", "subject"]) and ._type == in_toto and .predicateType == "https://slsa.dev/verification_summary/v1"
    and ($p | has_only(["gate", "inputAttestations", "policy", "resourceUri", "timeVerified", "verificationResult", "verifiedLevels", "verifier"]))
    and ($passed or $p.verificationResult == "FAILED") and $p.verifiedLevels == [if $passed then "RELEASE_APPROVED" else "FAILED" end]
    and ($p.gate | has_only(["reasons"])) and ($p.gate.reasons | texts and all(.[]; . != "") and (length == 0) == $passed)
    and ($p.timeVerified | is_moment("Z")) and ($p.verifier | has_only(["id", "version"]) and .id == "urn:cutover-gate:release-gate:v1")
    and ($p.resourceUri | type == "string" and . != "") and $p.policy == ($policy | digest + {uri: "attestations/approvers.json"})
    and $p.inputAttestations == $inputs and .subject == [($rec.started.data.artifact | select(. != "") | digest + {name: "artifact"}),
    ($sha | digest + {name: $about})] then $p else error("no decision on this bundle") end;
