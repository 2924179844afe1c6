-- Every audit event of a span of time.
select audit_id::text, event_time, actor_id, action_type, entity_id, prev_hash, event_hash
from audit_logs
where event_time >= %(since)s and event_time <= %(until)s
