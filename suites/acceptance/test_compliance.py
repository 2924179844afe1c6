"""Whether a batch keeps its limits: each row, the sum of them, and what may be exported."""

from __future__ import annotations

import csv
import io

from gate.api import Lacking, Phase, control, equal, must_answer, observe, pick, require

REFUSED = (400, 404, 422)
UNFIT = "A batch outside its limits would be released unseen."


def comparisons(t):
    """The comparison of the drill batch, and of another one where the profile names one."""
    rules = t.profile.compliance
    asked = {t.settings.batch_code: t.get(rules.path, rules.identity)}
    if rules.other_batch and rules.other_batch != t.settings.batch_code:
        asked[rules.other_batch] = t.get(t.fill(rules.path, batch_code=rules.other_batch), rules.identity, note="another batch")
    return asked


@control(
    "ACC-004",
    "A batch is compared with its compliance limits, and what is outside them or untested does not pass",
    severity="high",
    criterion="gate",
    refs=["checklist 8"],
    feature="compliance",
    covers=("T1",),
    why=UNFIT,
    mend="Check that lab results and thresholds of the batch are loaded, and how a row's status and the summary are computed.",
)
@observe(comparisons)
def test_compliance(observed, t, tools):
    rules = t.profile.compliance
    compared = {}
    for code, seen in observed.items():
        own = code == t.settings.batch_code
        if must_answer(seen, [200] if own else [200, *REFUSED]).status != 200:
            continue
        body = seen.json()
        if rules.batch_field:
            equal(pick(rules.batch_field, body), code, f"'{rules.batch_field}'")
        rows = pick(rules.rows_field, body)
        require(isinstance(rows, list) and (bool(rows) or not own), f"rows at '{rules.rows_field}'", f"{rows!r:.60}")
        judge(code, rows, body, rules, tools)
        compared[code] = rows
    if len(compared) > 1:
        own, other = compared.values()
        same = own == other and any(has_value(row, rules, tools) for row in own)
        require(not same, f"other tests of {list(compared)[-1]} than of the drill batch", f"the same {len(own)} rows")


def judge(code, rows, body, rules, tools):
    """Every row's status, how many there are, and what the summary makes of them."""
    states = [status(row, rules, tools) for row in rows]
    for row, state in zip(rows, states, strict=True):
        if state:
            equal(row[rules.status_key], state, f"the status of a row of {code} ({row!r:.120})")
    if rules.total_field:
        total = pick(rules.total_field, body)
        whole = isinstance(total, int) and not isinstance(total, bool) and (total > 0 or not rows)
        require(whole, f"a count at '{rules.total_field}'", f"{total!r:.40}")
        equal(total, len(rows), f"'{rules.total_field}' of {code}, whose rows are {len(rows)}")
    compliant = pick(rules.compliant_field, body) if rules.compliant_field else None
    if isinstance(compliant, bool) and rows and all(states):
        equal(compliant, all(state == rules.passed for state in states), f"'{rules.compliant_field}' of {code}")


def has_value(row, rules, tools):
    """Whether the row shows a test."""
    return isinstance(row, dict) and bool(rules.value_key) and tools.number(row.get(rules.value_key)) is not None


def status(row, rules, tools):
    """What a row's status must be, by its own value and limits; None where it does not show them."""
    keys = (rules.value_key, rules.min_key, rules.max_key, rules.status_key)
    if not isinstance(row, dict) or None in keys or any(key not in row for key in keys):
        return None
    known = (rules.passed, rules.failed, rules.missing)
    if None in known or row[rules.status_key] not in known:
        return None
    value, low, high = (tools.number(row[key]) for key in keys[:3])
    if any(number is None and row[key] is not None for number, key in zip((value, low, high), keys, strict=False)):
        return None
    if value is None:
        return rules.missing
    outside = (low is not None and value < low) or (high is not None and value > high)
    return rules.failed if outside else rules.passed


@control(
    "ACC-022",
    "A batch is ready for export only if every check of it says so, and no alert of it is open",
    severity="critical",
    criterion="gate",
    phase=Phase.DRILLS,
    safety="drill",
    refs=["checklist 8"],
    feature="compliance,ccp",
    covers=("T1",),
    why=UNFIT,
    mend="Compute ready from all checks, and each check from the records of that batch.",
)
def test_readiness(ccp_ingest, measured, t):
    rules, ready = t.profile.compliance, ccp_ingest.readiness
    if ready is None:
        raise Lacking("the profile names no other batch, or not where its readiness is told")
    measured([seen for seen in (ccp_ingest.before, ready, ccp_ingest.after) if seen])
    if must_answer(ready, [200, *REFUSED]).status != 200:
        return
    body = ready.json()
    said, checks = pick(rules.ready_field or "ready", body), pick(rules.checks_field or "checks", body)
    require(isinstance(said, bool), f"true or false at '{rules.ready_field}'", f"{said!r:.40}")
    name, ok = rules.check_key or "name", rules.ok_key or "ok"
    checks = [item for item in checks if isinstance(item, dict) and ok in item] if isinstance(checks, list) else []
    bad = [item for item in checks if item[ok] is not True]
    require(not (said and bad), "not ready, as a check says no", f"ready, with {bad!r:.160}")
    if still_open(ccp_ingest, rules.other_batch):
        require(not said, f"{rules.other_batch} not to be ready while an alert of it is open", "ready")
        wrong = [item for item in checks if rules.alerts_check and item.get(name) == rules.alerts_check and item[ok] is True]
        require(not wrong, "the check of open alerts to see the open one", f"{wrong!r:.120}")


def still_open(ingest, code):
    """Whether an alert of that batch was open before the readiness was read and after it."""
    lists = []
    for seen in (ingest.before, ingest.after):
        body = seen.json() if seen is not None and seen.response is not None and seen.response.status == 200 else None
        rows = (
            body
            if isinstance(body, list)
            else next((v for v in body.values() if isinstance(v, list)), [])
            if isinstance(body, dict)
            else []
        )
        lists.append([row for row in rows if isinstance(row, dict) and row.get("batch_code") == code])
    return any(row in lists[1] for row in lists[0])


@control(
    "ACC-023",
    "The comparison as a table has the rows of the comparison",
    severity="medium",
    criterion="gate",
    refs=["checklist 8"],
    feature="compliance",
    covers=("T1",),
    why="The table is what goes to the authorities with the goods.",
    mend="Make both from one list.",
)
@observe(lambda t: {"rows": t.get(t.profile.compliance.path, t.profile.compliance.identity), **table(t)})
def test_table(observed, t):
    rules = t.profile.compliance
    if "table" not in observed or not rules.csv_keys:
        raise Lacking("the profile does not name the endpoint that gives the comparison as a table")
    rows = pick(rules.rows_field, must_answer(observed["rows"]).json())
    text = must_answer(observed["table"]).answer.body.decode("utf-8-sig")
    found = list(csv.DictReader(io.StringIO(text)))
    require(isinstance(rows, list), f"rows at '{rules.rows_field}'", f"{rows!r:.60}")
    equal(len(found), len(rows), "how many rows the table has")
    for key in rules.csv_keys:
        if all(key in row for row in (*found, *rows)):
            shown, wanted = sorted(row[key] for row in found), sorted(str(row[key]) for row in rows)
            require(shown == wanted, f"the same '{key}' in the table", f"{shown!r:.160}")


def table(t):
    """The table, asked for by an identity that may have it."""
    name = t.profile.compliance.csv
    known = next((endpoint for endpoint in t.profile.endpoints if endpoint.id == name), None)
    who = t.entitled(known) if known else []
    return {"table": t.call(known, who[-1] if who else None)} if known else {}
