-- The schema of the supply_intel service (PostgreSQL 14 and later). Runs again without harm: psql -v ON_ERROR_STOP=1 -f sql/001_init.sql
-- Ids are UUIDs (gen_random_uuid is built in, no extension is needed), times timestamptz, quantities numeric(12,3).

-- ---- where things come from: suppliers, deliveries, raw material lots --------------------------------------------------------------

create table if not exists suppliers (
    supplier_id uuid primary key default gen_random_uuid(),
    name text not null unique,
    country_code text not null default 'XX',
    status text not null default 'active' check (status in ('active', 'suspended', 'retired'))
);

create table if not exists raw_materials (
    raw_material_id uuid primary key default gen_random_uuid(),
    material_code text not null unique,
    name text not null,
    unit text not null default 'kg'
);

create table if not exists supplier_deliveries (
    delivery_id uuid primary key default gen_random_uuid(),
    supplier_id uuid not null references suppliers,
    raw_material_id uuid not null references raw_materials,
    supplier_lot_code text not null,
    received_qty numeric(12,3) not null check (received_qty >= 0),
    received_at timestamptz not null default now()
);
create index if not exists supplier_deliveries_supplier_id on supplier_deliveries (supplier_id);

create table if not exists raw_material_lots (
    rm_lot_id uuid primary key default gen_random_uuid(),
    delivery_id uuid not null references supplier_deliveries,
    internal_lot_code text not null unique,
    qc_status text not null default 'pending' check (qc_status in ('pending', 'released', 'rejected'))
);
create index if not exists raw_material_lots_delivery_id on raw_material_lots (delivery_id);

-- ---- what is made of them: batches, finished lots, dispatches ----------------------------------------------------------------------

create table if not exists production_batches (
    batch_id uuid primary key default gen_random_uuid(),
    batch_code text not null unique,
    product_sku text not null,
    produced_at timestamptz not null default now(),
    line_code text,
    status text not null default 'released' check (status in ('in_production', 'on_hold', 'released', 'recalled'))
);

create table if not exists batch_material_map (
    batch_id uuid not null references production_batches,
    rm_lot_id uuid not null references raw_material_lots,
    qty_used numeric(12,3) not null check (qty_used >= 0),
    primary key (batch_id, rm_lot_id)
);
-- The primary key serves the way back (batch to lots); this one serves the way forward (lot to batches).
create index if not exists batch_material_map_rm_lot_id on batch_material_map (rm_lot_id);

create table if not exists finished_products (
    finished_id uuid primary key default gen_random_uuid(),
    batch_id uuid not null references production_batches,
    serial_lot_code text not null unique,
    packed_qty numeric(12,3),
    packed_at timestamptz not null default now()
);
create index if not exists finished_products_batch_id on finished_products (batch_id);

create table if not exists customers (
    customer_id uuid primary key default gen_random_uuid(),
    name text not null,
    customer_type text not null default 'distributor',
    country_code text not null default 'XX'
);

create table if not exists dispatch_records (
    dispatch_id uuid primary key default gen_random_uuid(),
    finished_id uuid not null references finished_products,
    customer_id uuid not null references customers,
    dispatch_qty numeric(12,3) not null check (dispatch_qty > 0),
    dispatched_at timestamptz not null default now(),
    invoice_no text
);
create index if not exists dispatch_records_finished_id on dispatch_records (finished_id);
create index if not exists dispatch_records_customer_id on dispatch_records (customer_id);

create table if not exists recall_cases (
    recall_id uuid primary key default gen_random_uuid(),
    batch_id uuid not null references production_batches,
    mode text not null default 'simulation' check (mode in ('simulation', 'actual')),
    reason text,
    initiated_by text not null,
    impacted_qty numeric(15,3) not null default 0,
    impacted_customers_count integer not null default 0,
    trace_ms numeric(12,3),
    created_at timestamptz not null default now()
);
create index if not exists recall_cases_created_at on recall_cases (created_at);

create table if not exists recall_mapping (
    recall_id uuid not null references recall_cases on delete cascade,
    finished_id uuid not null references finished_products,
    customer_id uuid not null references customers,
    dispatched_qty numeric(12,3) not null,
    primary key (recall_id, finished_id, customer_id)
);

-- ---- the audit trail ---------------------------------------------------------------------------------------------------------------

-- chain_seq is the order in which events were chained; the hashes alone cannot be sorted, and two times may be equal.
create table if not exists audit_logs (
    audit_id uuid primary key default gen_random_uuid(),
    chain_seq bigint generated always as identity unique,
    actor_id text not null,
    action_type text not null,
    entity_type text not null,
    entity_id text,
    event_time timestamptz not null default clock_timestamp(),
    payload jsonb not null default '{}',
    prev_hash text,
    event_hash text not null
);
create index if not exists audit_logs_event_time on audit_logs (event_time desc);
create index if not exists audit_logs_entity on audit_logs (entity_type, entity_id);
create index if not exists audit_logs_action_type on audit_logs (action_type, event_time desc);

create table if not exists audit_packs (
    pack_id uuid primary key default gen_random_uuid(),
    created_at timestamptz not null default now(),
    created_by text not null,
    status text not null default 'generated',
    filters jsonb not null default '{}',
    row_count integer not null default 0,
    folder_path text not null,
    manifest_hash text not null,
    checksums_hash text not null,
    notes text,
    generation_seconds numeric(10,4)
);
create index if not exists audit_packs_created_at on audit_packs (created_at desc);

-- ---- daily operations --------------------------------------------------------------------------------------------------------------

create table if not exists kpi_daily (
    kpi_date date primary key,
    avg_recall_trace_time_ms numeric(12,2),
    supplier_risk_coverage_pct numeric(5,2),
    batch_compliance_auto_validation_pct numeric(5,2),
    avg_audit_report_gen_time_sec numeric(10,2),
    quality_deviation_rate numeric(8,4),
    computed_at timestamptz not null default now()
);

create table if not exists automation_runs (
    run_id uuid primary key default gen_random_uuid(),
    run_type text not null default 'DAILY_CYCLE',
    status text not null default 'running' check (status in ('running', 'completed', 'failed')),
    started_at timestamptz not null default clock_timestamp(),
    completed_at timestamptz,
    actor_id text not null,
    summary jsonb,
    error_message text
);
create unique index if not exists automation_runs_one_running on automation_runs (run_type)
    where status = 'running' and run_type = 'DAILY_CYCLE';
create index if not exists automation_runs_started_at on automation_runs (started_at desc);

create table if not exists ingestion_jobs (
    job_id uuid primary key default gen_random_uuid(),
    job_type text not null,
    status text not null default 'queued' check (status in ('queued', 'running', 'completed', 'failed')),
    submitted_by text not null,
    created_at timestamptz not null default now(),
    completed_at timestamptz,
    result jsonb,
    error_message text
);

-- ---- critical control points -------------------------------------------------------------------------------------------------------

create table if not exists ccp_rules (
    rule_id uuid primary key default gen_random_uuid(),
    ccp_code text not null,
    metric_name text not null,
    unit text not null,
    min_value numeric(12,3),
    max_value numeric(12,3),
    severity text not null default 'high' check (severity in ('low', 'medium', 'high', 'critical')),
    unique (ccp_code, metric_name, unit)
);

create table if not exists ccp_logs (
    ccp_log_id uuid primary key default gen_random_uuid(),
    batch_id uuid not null references production_batches,
    ccp_code text not null,
    metric_name text not null,
    metric_value numeric(12,3) not null,
    unit text not null,
    measured_at timestamptz not null,
    operator_id text,
    source text,
    within_limits boolean,
    recorded_at timestamptz not null default now()
);
create index if not exists ccp_logs_batch_id on ccp_logs (batch_id, measured_at);
create index if not exists ccp_logs_measured_at on ccp_logs (measured_at);

create table if not exists alerts (
    alert_id uuid primary key default gen_random_uuid(),
    alert_type text not null,
    severity text not null default 'high',
    status text not null default 'open' check (status in ('open', 'acknowledged')),
    batch_id uuid references production_batches,
    ccp_log_id uuid references ccp_logs,
    message text not null,
    created_at timestamptz not null default clock_timestamp(),
    acknowledged_at timestamptz,
    acknowledged_by text
);
create index if not exists alerts_status on alerts (status, created_at desc);
create index if not exists alerts_batch_id on alerts (batch_id);

-- ---- compliance --------------------------------------------------------------------------------------------------------------------

create table if not exists lab_reports (
    report_id uuid primary key default gen_random_uuid(),
    batch_id uuid not null references production_batches,
    lab_name text,
    file_name text not null,
    sha256 text not null,
    row_count integer not null,
    uploaded_by text not null,
    uploaded_at timestamptz not null default now()
);

create table if not exists quality_test_records (
    test_id uuid primary key default gen_random_uuid(),
    batch_id uuid not null references production_batches,
    report_id uuid references lab_reports,
    parameter text not null,
    value numeric(14,4) not null,
    unit text not null,
    tested_at timestamptz not null default now()
);
create index if not exists quality_test_records_batch_id on quality_test_records (batch_id, parameter, tested_at desc);

create table if not exists regulatory_threshold_releases (
    release_id uuid primary key default gen_random_uuid(),
    release_code text not null unique,
    market text not null,
    status text not null default 'draft' check (status in ('draft', 'approved', 'published', 'superseded')),
    imported_by text not null,
    imported_at timestamptz not null default now(),
    approved_by text,
    approved_at timestamptz,
    published_by text,
    published_at timestamptz,
    constraint separation_of_duties check (approved_by is null or approved_by <> imported_by)
);

create table if not exists regulatory_threshold_values (
    release_id uuid not null references regulatory_threshold_releases on delete cascade,
    parameter text not null,
    unit text not null,
    min_value numeric(14,4),
    max_value numeric(14,4),
    primary key (release_id, parameter),
    check (min_value is not null or max_value is not null)
);

create table if not exists compliance_thresholds (
    market text not null,
    parameter text not null,
    unit text not null,
    min_value numeric(14,4),
    max_value numeric(14,4),
    release_id uuid references regulatory_threshold_releases,
    primary key (market, parameter)
);

-- ---- risk --------------------------------------------------------------------------------------------------------------------------

create table if not exists ai_risk_scores (
    score_id uuid primary key default gen_random_uuid(),
    batch_id uuid not null references production_batches,
    score numeric(5,2) not null check (score between 0 and 100),
    risk_level text not null check (risk_level in ('low', 'medium', 'high')),
    factors jsonb not null default '{}',
    scored_by text not null,
    scored_at timestamptz not null default clock_timestamp()
);
create index if not exists ai_risk_scores_batch_id on ai_risk_scores (batch_id, scored_at desc);

create table if not exists anomaly_events (
    anomaly_id uuid primary key default gen_random_uuid(),
    ccp_log_id uuid not null unique references ccp_logs,
    z_score numeric(10,4) not null,
    detected_by text not null,
    detected_at timestamptz not null default clock_timestamp()
);
