"""Compliance: the limits are applied as they are, and a batch outside them does not pass for fit."""

from __future__ import annotations

from typing import Any

from gate.api import Database, Inconclusive, Phase, Unmet, control, drill, equal, must_answer, observe, pick, require

WHY = "A batch outside its limits would be released unseen."


@control(
    "ACC-004",
    "A batch is compared with its compliance limits, and every row says what its own numbers say",
    severity="high",
    criterion="gate",
    refs=["checklist 8"],
    feature="compliance",
    covers=("T1", "S2"),
    why=WHY,
    mend="Check that lab results and thresholds of the drill batch are loaded, and how a value is held against its limits.",
)
@observe(lambda t: t.get(t.profile.compliance.path, t.profile.compliance.identity))
def test_compliance(observed, t, tools):
    compliance, body = t.profile.compliance, must_answer(observed).json()
    if compliance.batch_field:
        equal(pick(compliance.batch_field, body), t.settings.batch_code, f"'{compliance.batch_field}'")
    rows = rows_of(body, compliance)
    require(bool(rows), f"rows at '{compliance.rows_field}'", "none")
    if compliance.total_field:
        total, parameter = pick(compliance.total_field, body), (compliance.row or {}).get("parameter", "parameter")
        right = isinstance(total, int) and not isinstance(total, bool) and total > 0
        require(right, f"a count at '{compliance.total_field}'", f"{total!r:.40}")
        # A parameter that two markets limit may count once or twice.
        counts = {len(rows), len({str(pick(parameter, row)) for row in rows})}
        require(total in counts, f"{' or '.join(map(str, sorted(counts)))} at '{compliance.total_field}'", f"{total}")
    agree(body, rows, compliance, tools)


def rows_of(body, compliance):
    rows = pick(compliance.rows_field, body)
    require(isinstance(rows, list) and all(isinstance(row, dict) for row in rows), f"rows at '{compliance.rows_field}'", f"{rows!r:.60}")
    return rows


def fits(row, names, tools):
    """Whether a row's value keeps its limits by the row's own numbers; None where it holds no value, or stands exactly on a limit."""
    value, low, high = (tools.number(row.get(names.get(name, ""))) for name in ("value", "min", "max"))
    if value is None or value in (low, high):
        return None
    return (low is None or value > low) and (high is None or value < high)


def agree(body, rows, compliance, tools):
    """Rows and summary say what the rows' numbers say; how many of the rows that could be read say that they failed, None of none."""
    names = compliance.row
    whole = [row for row in rows if names and names["value"] in row and row.get(names["status"]) in (names["passed"], *names["failed"])]
    for row in whole:
        passed, fit = row[names["status"]] == names["passed"], fits(row, names, tools)
        without = row[names["value"]] is None
        require(not (passed and (without or fit is False)), "no pass outside the limits, or without a value", f"{row!r:.200}")
        require(passed or fit is not True, f"'{names['passed']}' for a value within its limits", f"{row!r:.200}")
    outside = [row for row in whole if row[names["status"]] != names["passed"]]
    said = pick(compliance.compliant_field, body) if compliance.compliant_field else None
    if isinstance(said, bool) and len(whole) == len(rows):
        equal(said, not outside, f"'{compliance.compliant_field}', as the {len(rows)} rows have it,")
    return len(outside) if whole else None


@drill()
def unfit(run, t):
    """A batch that the records show to be outside its limits, and its comparison; no code where there is none, or the problem."""
    sql = t.truth("unfit")
    if sql is None:
        return None, None, "there is no database, or no query (truth.unfit), to ask for a batch outside its limits"
    try:
        found = Database(t.settings.database_url).query(sql, {"batch_code": t.settings.batch_code})
    except Inconclusive as error:
        return None, None, str(error)
    code: Any = str(found[0][0]) if found else t.settings.batch_code
    path = t.fill(t.profile.compliance.path, batch_code=code)
    return (code if found else None), run.send(t.get(path, t.profile.compliance.identity, note="a batch outside its limits")), ""


@control(
    "ACC-022",
    "A batch that the records show to be outside its limits does not pass for fit",
    severity="critical",
    criterion="gate",
    phase=Phase.DRILLS,
    refs=["checklist 8"],
    feature="compliance,database,truth",
    covers=("T1", "S2"),
    why=WHY,
    mend="Compare the service's query with sql/truth/unfit.sql: the latest test counts, of every parameter, for every market.",
)
def test_unfit(unfit, measured, t, tools):
    code, seen, problem = unfit
    if problem:
        raise Inconclusive(problem)
    measured([seen])
    compliance, body = t.profile.compliance, must_answer(seen).json()
    outside = agree(body, rows_of(body, compliance), compliance, tools)
    if code is None:  # every batch keeps its limits: then this was the drill's, once more
        return
    said = pick(compliance.compliant_field, body) if compliance.compliant_field else None
    if outside is None and not isinstance(said, bool):
        raise Inconclusive("neither rows nor summary say in the profile's words whether the batch is fit: see [compliance] row")
    if said is True or (said is None and not outside):
        raise Unmet(f"batch {code} not to be called fit", f"{body!r:.200}")
