"""Recall and trace against the seed data."""

import pytest

from tests.reference_service.instances import BATCH, Instance

MODES = pytest.mark.parametrize("mode", ["hardened", "deployed"])


@pytest.fixture
def service(request: pytest.FixtureRequest, mode: str) -> Instance:
    instance: Instance = request.getfixturevalue(mode)
    return instance


@MODES
def test_the_drill_batch(service: Instance) -> None:
    answer = service.post("/api/v1/recall/simulate", "viewer", json={"batch_code": BATCH, "reason": "drill"})
    simulation = answer.json()["simulation"]
    customers = [(customer.pop("name"), customer.pop("customer_type"), list(customer)) for customer in simulation.pop("customers")]
    assert answer.status_code == 200
    assert simulation == {
        "batch_code": BATCH,
        "impacted_customers_count": 2,
        "impacted_qty": 650.0,
        "suppliers_count": 2,
        "finished_lots_count": 1,
    }
    assert '"impacted_qty":650.0' in answer.text
    assert customers == [("Distributor A", "distributor", ["customer_id"]), ("Exporter EU Node", "exporter", ["customer_id"])]


@pytest.mark.parametrize(
    ("batch", "counts"),
    [
        ("BATCH-2026-02-0013", (2, 225.0, 1, 2)),  # two lots of one supplier, two dispatches to one customer
        ("BATCH-2026-02-0014", (1, 60.0, 1, 1)),  # the other end of the diamond
        ("BATCH-2026-02-0015", (0, 0.0, 1, 0)),  # still on the line
        ("BATCH-2026-02-0016", (0, 0.0, 1, 1)),  # packed, not dispatched
    ],
)
def test_other_batches(hardened: Instance, batch: str, counts: tuple[int, float, int, int]) -> None:
    simulation = hardened.post("/api/v1/recall/simulate", json={"batch_code": batch}).json()["simulation"]
    names = ("impacted_customers_count", "impacted_qty", "suppliers_count", "finished_lots_count")
    assert tuple(simulation[name] for name in names) == counts


@MODES
def test_full_trace(service: Instance) -> None:
    full = service.get(f"/api/v1/trace/batch/{BATCH}/full", "viewer").json()
    backward, forward = full["backward"], full["forward"]
    assert full["batch_code"] == BATCH
    assert {supplier["name"] for supplier in backward["suppliers"]} == {"FarmCo Aggregators", "DryNutri Mills"}
    assert {lot["internal_lot_code"] for lot in backward["raw_material_lots"]} == {"RM-LOT-8831", "RM-LOT-8832"}
    assert [lot["serial_lot_code"] for lot in forward["finished_lots"]] == ["FG-LOT-1901"]
    assert {customer["name"] for customer in forward["customers"]} == {"Distributor A", "Exporter EU Node"}
    assert service.get(f"/api/v1/trace/batch/{BATCH}/forward", "viewer").json() == {"batch_code": BATCH, "forward": forward}
    assert service.get(f"/api/v1/trace/batch/{BATCH}/backward", "viewer").json() == {"batch_code": BATCH, "backward": backward}


@MODES
def test_an_unknown_batch_has_no_trace(service: Instance) -> None:
    for part in ("full", "forward", "backward"):
        assert service.get(f"/api/v1/trace/batch/BATCH-GHOST/{part}").status_code == 404


def test_an_unknown_batch_has_no_recall(hardened: Instance) -> None:
    answer = hardened.post("/api/v1/recall/simulate", json={"batch_code": "BATCH-GHOST"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "http_error")


def test_a_simulation_is_recorded_with_its_event(hardened: Instance) -> None:
    hardened.post("/api/v1/recall/simulate", "ops", json={"batch_code": BATCH, "reason": "recorded once"})
    found = hardened.sql("select initiated_by, impacted_qty, trace_ms > 0 from recall_cases where reason = 'recorded once'")
    assert [(who, float(qty), timed) for who, qty, timed in found] == [("gate-ops", 650.0, True)]
    events = hardened.get(f"/api/v1/audit/events?action_type=RECALL_SIMULATED&entity_id={BATCH}&actor_id=gate-ops").json()["rows"]
    assert events[0]["payload"]["reason"] == "recorded once"


def test_the_recall_path_is_indexed(hardened: Instance) -> None:
    names = {name for (name,) in hardened.sql("select indexname from pg_indexes where schemaname = 'public'")}
    assert {"finished_products_batch_id", "batch_material_map_rm_lot_id", "dispatch_records_finished_id"} <= names
