-- The first row of each reason.
SELECT
    reason,
    min(record) AS record
FROM attribute_rows
WHERE reason IS NOT NULL
GROUP BY reason
