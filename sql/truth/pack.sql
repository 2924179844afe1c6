-- How many audit events lie in a window, and how many of them before it was read (less a margin for writers that were not done).
select count(*) filter (where event_time <= %(settled)s), count(*)
from audit_logs
where (%(since)s::timestamptz is null or event_time >= %(since)s) and (%(until)s::timestamptz is null or event_time <= %(until)s)
