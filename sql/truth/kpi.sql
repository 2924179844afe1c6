-- The stored KPIs of the newest day, as JSON text; the names of the columns are those of the API's fields.
select kpi_date, to_jsonb(kpi_daily)::text from kpi_daily order by kpi_date desc limit 1
