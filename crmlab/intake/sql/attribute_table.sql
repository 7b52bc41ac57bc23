-- The rows that are used.
SELECT
    customer_id,
    CAST(valid_from AS TIMESTAMP) AS valid_from,
    facts
FROM attribute_rows
WHERE reason IS NULL AND NOT repeated
ORDER BY customer_id, valid_from
