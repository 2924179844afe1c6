-- A batch, besides the drill's, whose latest test of some parameter lies outside the limits of some market: it must not pass for fit.
-- One code at most, the same one each time.
with latest as (
    select distinct on (batch_id, parameter, unit) batch_id, parameter, unit, value
    from quality_test_records order by batch_id, parameter, unit, tested_at desc
)
select batch.batch_code
from production_batches batch
join latest using (batch_id)
join compliance_thresholds limits using (parameter, unit)
where batch.batch_code <> %(batch_code)s and (latest.value < limits.min_value or latest.value > limits.max_value)
order by batch.batch_code limit 1
