-- The batches, besides the drill's, that are the hardest to recall rightly: bought twice from one supplier, lots that were not dispatched,
-- customers served twice, bad material, not released. At most %(limit)s codes, the same ones each time.
with facts as (
    select batch.batch_code, batch.status <> 'released' as odd,
           count(distinct map.rm_lot_id) - count(distinct delivery.supplier_id) as twin_suppliers,
           count(distinct product.finished_id) filter (where dispatch.finished_id is null) as undispatched,
           count(distinct dispatch.dispatch_id) - count(distinct dispatch.customer_id) as twin_dispatches,
           count(distinct dispatch.customer_id) as customers,
           count(distinct lot.rm_lot_id) filter (where lot.qc_status <> 'released' or supplier.status <> 'active') as bad_material
    from production_batches batch
    left join batch_material_map map using (batch_id)
    left join raw_material_lots lot using (rm_lot_id)
    left join supplier_deliveries delivery using (delivery_id)
    left join suppliers supplier using (supplier_id)
    left join finished_products product using (batch_id)
    left join dispatch_records dispatch using (finished_id)
    where batch.batch_code <> %(batch_code)s
    group by batch.batch_id, batch.batch_code, batch.status
), ranked as (
    select batch_code,
           least(rank() over (order by twin_suppliers desc, batch_code),
                 rank() over (order by undispatched desc, batch_code),
                 rank() over (order by twin_dispatches desc, customers desc, batch_code),
                 rank() over (order by bad_material desc, batch_code),
                 rank() over (order by odd desc, batch_code),
                 rank() over (order by customers desc, batch_code)) as best,
           twin_suppliers + undispatched + twin_dispatches + bad_material + customers + odd::int as weight
    from facts
)
select batch_code from ranked order by best, weight desc, batch_code limit %(limit)s
