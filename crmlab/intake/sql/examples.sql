-- The first rows of each reason, as they stand in the source.
SELECT
    judged.reason,
    source_rows.record,
    source_rows.customer_id,
    source_rows.date,
    source_rows.amount
FROM judged
JOIN source_rows ON judged.record = source_rows.record
WHERE judged.reason IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY judged.reason ORDER BY judged.record) <= $limit
ORDER BY judged.record
