-- The newest audit events.
select audit_id::text, event_time from audit_logs order by event_time desc limit %(limit)s
