-- The batches, besides the drill's, that are hard to recall or to trace rightly, and what makes them so: one array of numbers for the
-- recall, one for the trace, in which more is harder and 0 is not at all. At most %(limit)s of them for each number.
with materials as (
    select map.batch_id, count(distinct map.rm_lot_id) as lots,
           count(distinct map.rm_lot_id) - count(distinct delivery.supplier_id) as twin_suppliers,
           count(distinct map.rm_lot_id) filter (where lot.qc_status <> 'released' or supplier.status <> 'active') as bad_material,
           count(distinct map.rm_lot_id) filter (where map.qty_used < 1) as grams
    from batch_material_map map
    left join raw_material_lots lot using (rm_lot_id)
    left join supplier_deliveries delivery using (delivery_id)
    left join suppliers supplier using (supplier_id)
    group by map.batch_id
), products as (
    select product.batch_id, count(distinct product.finished_id) as finished,
           count(distinct product.finished_id) filter (where dispatch.dispatch_id is null) as undispatched,
           count(dispatch.dispatch_id) - count(distinct dispatch.customer_id) as twin_dispatches,
           count(dispatch.dispatch_id) filter (where dispatch.dispatch_qty <> trunc(dispatch.dispatch_qty)) as fractions,
           count(distinct dispatch.customer_id) as customers,
           count(distinct dispatch.customer_id) - count(distinct customer.name) as twin_names
    from finished_products product
    left join dispatch_records dispatch using (finished_id)
    left join customers customer using (customer_id)
    group by product.batch_id
), codes as ( -- others that differ by case alone, or begin like this one
    select batch_id, batch_code, count(*) over (partition by lower(batch_code)) - 1
           + coalesce(starts_with(lead(batch_code) over (order by batch_code collate "C"), batch_code), false)::int as twin_codes
    from production_batches
), facts as (
    select codes.batch_code,
           array[twin_dispatches, customers, fractions, twin_names, twin_suppliers, bad_material, twin_codes] as recall,
           array[bad_material, undispatched, twin_suppliers, grams, twin_codes, coalesce(lots, 0) + coalesce(finished, 0)] as trace
    from codes left join materials using (batch_id) left join products using (batch_id)
    where codes.batch_code <> %(batch_code)s
), ranked as (
    select facts.batch_code, row_number() over (partition by place order by value desc nulls last, facts.batch_code) as best
    from facts, unnest(recall || trace) with ordinality as traits (value, place)
)
select batch_code, recall, trace from facts
where batch_code in (select batch_code from ranked where best <= %(limit)s)
order by batch_code
