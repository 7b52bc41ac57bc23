-- Rows that cannot be used as they stand, by reason.
SELECT
    reason,
    count(*) AS rows
FROM base.rows
WHERE known_until IS NULL AND reason IS NOT NULL
GROUP BY reason
ORDER BY reason
