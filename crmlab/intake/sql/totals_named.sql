-- Lines of totals are no purchases.
UPDATE records
SET reason = 'summary_row', customer_id = NULL
WHERE record IN (SELECT record FROM totals) AND coalesce(reason, '') != 'field_count'
