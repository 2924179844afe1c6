-- What a recall of a batch must find, from the records themselves. One row; every list holds each id once.
with batch as (
    select batch_id from production_batches where batch_code = %(batch_code)s
), used as (
    select l.rm_lot_id, sd.supplier_id
    from batch join batch_material_map using (batch_id) join raw_material_lots l using (rm_lot_id) join supplier_deliveries sd using (delivery_id)
), packed as (
    select finished_id from batch join finished_products using (batch_id)
), sent as (
    select customer_id, dispatch_qty from packed join dispatch_records using (finished_id)
)
select (select count(*) from batch) as batches,
       (select array_agg(distinct customer_id::text) from sent) as customers,
       (select coalesce(sum(dispatch_qty), 0) from sent) as quantity,
       (select array_agg(distinct supplier_id::text) from used) as suppliers,
       (select array_agg(distinct rm_lot_id::text) from used) as raw_material_lots,
       (select array_agg(distinct finished_id::text) from packed) as finished_lots
