-- Seed data: the drill batch BATCH-2026-02-0012, and enough around it to show a wrong answer. Runs again without harm.
-- Expected of a recall of the drill batch: 2 customers, 650.0 dispatched, 2 suppliers, 1 finished lot.

insert into suppliers (supplier_id, name, country_code, status) values
    ('5a000000-0000-4000-8000-000000000001', 'FarmCo Aggregators', 'IN', 'active'),
    ('5a000000-0000-4000-8000-000000000002', 'DryNutri Mills', 'IN', 'active'),
    ('5a000000-0000-4000-8000-000000000003', 'GreenLeaf Growers', 'VN', 'active'),
    ('5a000000-0000-4000-8000-000000000004', 'Coastal Harvest', 'LK', 'suspended')
on conflict do nothing;

insert into raw_materials (raw_material_id, material_code, name) values
    ('5b000000-0000-4000-8000-000000000001', 'RM-MORINGA', 'Moringa leaf, fresh'),
    ('5b000000-0000-4000-8000-000000000002', 'RM-MILLET', 'Pearl millet, milled'),
    ('5b000000-0000-4000-8000-000000000003', 'RM-TURMERIC', 'Turmeric, dried')
on conflict do nothing;

insert into supplier_deliveries (delivery_id, supplier_id, raw_material_id, supplier_lot_code, received_qty, received_at) values
    ('5c000000-0000-4000-8000-000000000001', '5a000000-0000-4000-8000-000000000001', '5b000000-0000-4000-8000-000000000001', 'FC-2026-117', 500, '2026-02-02 06:10+00'),
    ('5c000000-0000-4000-8000-000000000002', '5a000000-0000-4000-8000-000000000002', '5b000000-0000-4000-8000-000000000002', 'DN-00432', 300, '2026-02-02 09:45+00'),
    ('5c000000-0000-4000-8000-000000000003', '5a000000-0000-4000-8000-000000000003', '5b000000-0000-4000-8000-000000000003', 'GL-77', 400, '2026-02-04 05:30+00'),
    ('5c000000-0000-4000-8000-000000000004', '5a000000-0000-4000-8000-000000000004', '5b000000-0000-4000-8000-000000000003', 'CH-9', 120, '2026-02-05 07:00+00')
on conflict do nothing;

insert into raw_material_lots (rm_lot_id, delivery_id, internal_lot_code, qc_status) values
    ('5d000000-0000-4000-8000-000000008831', '5c000000-0000-4000-8000-000000000001', 'RM-LOT-8831', 'released'),
    ('5d000000-0000-4000-8000-000000008832', '5c000000-0000-4000-8000-000000000002', 'RM-LOT-8832', 'released'),
    ('5d000000-0000-4000-8000-000000008840', '5c000000-0000-4000-8000-000000000003', 'RM-LOT-8840', 'released'),
    ('5d000000-0000-4000-8000-000000008841', '5c000000-0000-4000-8000-000000000003', 'RM-LOT-8841', 'released'),
    ('5d000000-0000-4000-8000-000000008855', '5c000000-0000-4000-8000-000000000004', 'RM-LOT-8855', 'rejected')
on conflict do nothing;

-- 0013 and 0014 are a diamond: they share RM-LOT-8840 and a customer. 0013 also holds two lots of one supplier, so that counting rows
-- instead of suppliers shows. 0015 is still on the line; 0016 is packed and not dispatched. 0017 went to three customers, two of
-- one name, to one of them twice on one day; its sum is no whole number.
insert into production_batches (batch_id, batch_code, product_sku, produced_at, line_code, status) values
    ('5e000000-0000-4000-8000-000000000012', 'BATCH-2026-02-0012', 'SKU-MORINGA-MILLET-500', '2026-02-03 10:00+00', 'LINE-1', 'released'),
    ('5e000000-0000-4000-8000-000000000013', 'BATCH-2026-02-0013', 'SKU-TURMERIC-250', '2026-02-05 10:00+00', 'LINE-2', 'released'),
    ('5e000000-0000-4000-8000-000000000014', 'BATCH-2026-02-0014', 'SKU-TURMERIC-500', '2026-02-06 10:00+00', 'LINE-2', 'released'),
    ('5e000000-0000-4000-8000-000000000015', 'BATCH-2026-02-0015', 'SKU-TURMERIC-500', '2026-02-08 10:00+00', 'LINE-2', 'in_production'),
    ('5e000000-0000-4000-8000-000000000016', 'BATCH-2026-02-0016', 'SKU-MORINGA-250', '2026-02-09 10:00+00', 'LINE-1', 'on_hold'),
    ('5e000000-0000-4000-8000-000000000017', 'BATCH-2026-02-0017', 'SKU-MILLET-1000', '2026-02-10 10:00+00', 'LINE-1', 'released')
on conflict do nothing;

insert into batch_material_map (batch_id, rm_lot_id, qty_used) values
    ('5e000000-0000-4000-8000-000000000012', '5d000000-0000-4000-8000-000000008831', 380),
    ('5e000000-0000-4000-8000-000000000012', '5d000000-0000-4000-8000-000000008832', 220),
    ('5e000000-0000-4000-8000-000000000013', '5d000000-0000-4000-8000-000000008840', 150),
    ('5e000000-0000-4000-8000-000000000013', '5d000000-0000-4000-8000-000000008841', 90),
    ('5e000000-0000-4000-8000-000000000014', '5d000000-0000-4000-8000-000000008840', 60),
    ('5e000000-0000-4000-8000-000000000015', '5d000000-0000-4000-8000-000000008855', 40),
    ('5e000000-0000-4000-8000-000000000016', '5d000000-0000-4000-8000-000000008831', 70),
    ('5e000000-0000-4000-8000-000000000017', '5d000000-0000-4000-8000-000000008832', 50)
on conflict do nothing;

insert into finished_products (finished_id, batch_id, serial_lot_code, packed_qty, packed_at) values
    ('5f000000-0000-4000-8000-000000001901', '5e000000-0000-4000-8000-000000000012', 'FG-LOT-1901', 650, '2026-02-03 18:00+00'),
    ('5f000000-0000-4000-8000-000000001902', '5e000000-0000-4000-8000-000000000013', 'FG-LOT-1902', 150, '2026-02-05 18:00+00'),
    ('5f000000-0000-4000-8000-000000001903', '5e000000-0000-4000-8000-000000000013', 'FG-LOT-1903', 80, '2026-02-05 19:00+00'),
    ('5f000000-0000-4000-8000-000000001904', '5e000000-0000-4000-8000-000000000014', 'FG-LOT-1904', 60, '2026-02-06 18:00+00'),
    ('5f000000-0000-4000-8000-000000001905', '5e000000-0000-4000-8000-000000000016', 'FG-LOT-1905', 65, '2026-02-09 18:00+00'),
    ('5f000000-0000-4000-8000-000000001906', '5e000000-0000-4000-8000-000000000017', 'FG-LOT-1906', 49.5, '2026-02-10 18:00+00')
on conflict do nothing;

insert into customers (customer_id, name, customer_type, country_code) values
    ('5ca00000-0000-4000-8000-000000000001', 'Distributor A', 'distributor', 'IN'),
    ('5ca00000-0000-4000-8000-000000000002', 'Exporter EU Node', 'exporter', 'DE'),
    ('5ca00000-0000-4000-8000-000000000003', 'Retailer B', 'retailer', 'IN'),
    ('5ca00000-0000-4000-8000-000000000004', 'Retailer B', 'retailer', 'LK')
on conflict do nothing;

insert into dispatch_records (dispatch_id, finished_id, customer_id, dispatch_qty, dispatched_at, invoice_no) values
    ('5d150000-0000-4000-8000-000000000001', '5f000000-0000-4000-8000-000000001901', '5ca00000-0000-4000-8000-000000000001', 400, '2026-02-05 08:00+00', 'INV-4401'),
    ('5d150000-0000-4000-8000-000000000002', '5f000000-0000-4000-8000-000000001901', '5ca00000-0000-4000-8000-000000000002', 250, '2026-02-06 08:00+00', 'INV-4402'),
    ('5d150000-0000-4000-8000-000000000003', '5f000000-0000-4000-8000-000000001902', '5ca00000-0000-4000-8000-000000000003', 100, '2026-02-07 08:00+00', 'INV-4403'),
    ('5d150000-0000-4000-8000-000000000004', '5f000000-0000-4000-8000-000000001902', '5ca00000-0000-4000-8000-000000000003', 50, '2026-02-08 08:00+00', 'INV-4404'),
    ('5d150000-0000-4000-8000-000000000005', '5f000000-0000-4000-8000-000000001903', '5ca00000-0000-4000-8000-000000000001', 75, '2026-02-08 09:00+00', 'INV-4405'),
    ('5d150000-0000-4000-8000-000000000006', '5f000000-0000-4000-8000-000000001904', '5ca00000-0000-4000-8000-000000000003', 60, '2026-02-09 08:00+00', 'INV-4406'),
    ('5d150000-0000-4000-8000-000000000007', '5f000000-0000-4000-8000-000000001906', '5ca00000-0000-4000-8000-000000000002', 12.375, '2026-02-11 08:00+00', 'INV-4407'),
    ('5d150000-0000-4000-8000-000000000008', '5f000000-0000-4000-8000-000000001906', '5ca00000-0000-4000-8000-000000000002', 12.375, '2026-02-11 08:00+00', 'INV-4408'),
    ('5d150000-0000-4000-8000-000000000009', '5f000000-0000-4000-8000-000000001906', '5ca00000-0000-4000-8000-000000000003', 12.375, '2026-02-11 09:00+00', 'INV-4409'),
    ('5d150000-0000-4000-8000-000000000010', '5f000000-0000-4000-8000-000000001906', '5ca00000-0000-4000-8000-000000000004', 12.375, '2026-02-11 09:00+00', 'INV-4410')
on conflict do nothing;

insert into recall_cases (recall_id, batch_id, mode, reason, initiated_by, impacted_qty, impacted_customers_count, trace_ms, created_at) values
    ('5eca0000-0000-4000-8000-000000000001', '5e000000-0000-4000-8000-000000000014', 'actual', 'Foreign matter in retain sample', 'seed', 60, 1, 412.5, '2026-02-12 11:00+00')
on conflict do nothing;
insert into recall_mapping (recall_id, finished_id, customer_id, dispatched_qty) values
    ('5eca0000-0000-4000-8000-000000000001', '5f000000-0000-4000-8000-000000001904', '5ca00000-0000-4000-8000-000000000003', 60)
on conflict do nothing;

insert into ccp_rules (rule_id, ccp_code, metric_name, unit, min_value, max_value, severity) values
    ('5cc00000-0000-4000-8000-000000000001', 'DRYING', 'temperature', 'C', 55, 65, 'high'),
    ('5cc00000-0000-4000-8000-000000000002', 'DRYING', 'moisture', 'pct', null, 8, 'medium'),
    ('5cc00000-0000-4000-8000-000000000003', 'METAL_DETECTION', 'ferrous', 'mm', null, 1.5, 'critical'),
    ('5cc00000-0000-4000-8000-000000000004', 'SEALING', 'temperature', 'C', 120, 160, 'medium')
on conflict do nothing;

insert into ccp_logs (ccp_log_id, batch_id, ccp_code, metric_name, metric_value, unit, measured_at, operator_id, source, within_limits) values
    ('5c100000-0000-4000-8000-000000000001', '5e000000-0000-4000-8000-000000000012', 'DRYING', 'temperature', 58.2, 'C', '2026-02-03 11:00+00', 'op-7', 'seed', true),
    ('5c100000-0000-4000-8000-000000000002', '5e000000-0000-4000-8000-000000000012', 'DRYING', 'temperature', 61.0, 'C', '2026-02-03 12:00+00', 'op-7', 'seed', true),
    ('5c100000-0000-4000-8000-000000000003', '5e000000-0000-4000-8000-000000000012', 'DRYING', 'moisture', 6.4, 'pct', '2026-02-03 13:00+00', 'op-7', 'seed', true),
    ('5c100000-0000-4000-8000-000000000004', '5e000000-0000-4000-8000-000000000016', 'DRYING', 'temperature', 71.5, 'C', '2026-02-09 12:00+00', 'op-3', 'seed', false)
on conflict do nothing;

insert into alerts (alert_id, alert_type, severity, status, batch_id, ccp_log_id, message, created_at) values
    ('5a1e0000-0000-4000-8000-000000000001', 'CCP_DEVIATION', 'high', 'open', '5e000000-0000-4000-8000-000000000016', '5c100000-0000-4000-8000-000000000004',
     'DRYING temperature 71.500 C is outside 55.000 to 65.000', '2026-02-09 12:00:01+00')
on conflict do nothing;

insert into regulatory_threshold_releases
    (release_id, release_code, market, status, imported_by, imported_at, approved_by, approved_at, published_by, published_at) values
    ('5e1e0000-0000-4000-8000-000000000001', 'EU-2026-01', 'EU', 'published', 'seed-importer', '2026-01-10 09:00+00', 'seed-approver', '2026-01-11 09:00+00', 'seed-approver', '2026-01-12 09:00+00')
on conflict do nothing;

insert into regulatory_threshold_values (release_id, parameter, unit, min_value, max_value) values
    ('5e1e0000-0000-4000-8000-000000000001', 'moisture', 'pct', null, 8),
    ('5e1e0000-0000-4000-8000-000000000001', 'lead', 'mg/kg', null, 0.2),
    ('5e1e0000-0000-4000-8000-000000000001', 'aflatoxin_total', 'ug/kg', null, 4),
    ('5e1e0000-0000-4000-8000-000000000001', 'salmonella', 'cfu/25g', null, 0),
    ('5e1e0000-0000-4000-8000-000000000001', 'plate_count', 'cfu/g', null, 100000)
on conflict do nothing;

insert into compliance_thresholds (market, parameter, unit, min_value, max_value, release_id)
select 'EU', parameter, unit, min_value, max_value, release_id
from regulatory_threshold_values where release_id = '5e1e0000-0000-4000-8000-000000000001'
on conflict do nothing;

insert into lab_reports (report_id, batch_id, lab_name, file_name, sha256, row_count, uploaded_by, uploaded_at) values
    ('51ab0000-0000-4000-8000-000000000001', '5e000000-0000-4000-8000-000000000012', 'Central Food Laboratory', 'cfl-0012.csv',
     'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 5, 'seed', '2026-02-04 15:00+00')
on conflict do nothing;

insert into quality_test_records (test_id, batch_id, report_id, parameter, value, unit, tested_at) values
    ('57e50000-0000-4000-8000-000000000001', '5e000000-0000-4000-8000-000000000012', '51ab0000-0000-4000-8000-000000000001', 'moisture', 6.2, 'pct', '2026-02-04 12:00+00'),
    ('57e50000-0000-4000-8000-000000000002', '5e000000-0000-4000-8000-000000000012', '51ab0000-0000-4000-8000-000000000001', 'lead', 0.05, 'mg/kg', '2026-02-04 12:00+00'),
    ('57e50000-0000-4000-8000-000000000003', '5e000000-0000-4000-8000-000000000012', '51ab0000-0000-4000-8000-000000000001', 'aflatoxin_total', 1.1, 'ug/kg', '2026-02-04 12:00+00'),
    ('57e50000-0000-4000-8000-000000000004', '5e000000-0000-4000-8000-000000000012', '51ab0000-0000-4000-8000-000000000001', 'salmonella', 0, 'cfu/25g', '2026-02-04 12:00+00'),
    ('57e50000-0000-4000-8000-000000000005', '5e000000-0000-4000-8000-000000000012', '51ab0000-0000-4000-8000-000000000001', 'plate_count', 12000, 'cfu/g', '2026-02-04 12:00+00'),
    ('57e50000-0000-4000-8000-000000000006', '5e000000-0000-4000-8000-000000000016', null, 'moisture', 9.1, 'pct', '2026-02-10 12:00+00')
on conflict do nothing;

insert into ai_risk_scores (score_id, batch_id, score, risk_level, factors, scored_by, scored_at) values
    ('5a150000-0000-4000-8000-000000000001', '5e000000-0000-4000-8000-000000000012', 0, 'low', '{}', 'seed', '2026-02-04 18:00+00')
on conflict do nothing;

insert into automation_runs (run_id, status, started_at, completed_at, actor_id, summary) values
    ('5a070000-0000-4000-8000-000000000001', 'completed', '2026-02-12 01:00:00+00', '2026-02-12 01:00:02+00', 'seed', '{"kpi_date": "2026-02-12"}')
on conflict do nothing;

-- The three days before the first installation; a later run of this file must not invent further days.
insert into kpi_daily (kpi_date, avg_recall_trace_time_ms, supplier_risk_coverage_pct, batch_compliance_auto_validation_pct,
                       avg_audit_report_gen_time_sec, quality_deviation_rate)
select current_date - day, 430 - 10 * day, 66.67, 20, 1.4 + 0.1 * day, 0.25
from generate_series(1, 3) as day
where not exists (select from kpi_daily)
on conflict do nothing;

-- The first link of the audit chain: no event stands before it, so its prev_hash is null.
insert into audit_logs (audit_id, actor_id, action_type, entity_type, entity_id, event_time, payload, prev_hash, event_hash)
select '5a0d0000-0000-4000-8000-000000000001', 'seed', 'SEED_LOADED', 'database', 'supply_intel', '2026-02-12 00:00+00', '{}', null,
       encode(sha256(convert_to('SEED_LOADED supply_intel', 'UTF8')), 'hex')
where not exists (select from audit_logs)
on conflict do nothing;
