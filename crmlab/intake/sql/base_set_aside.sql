-- Rows that cannot be used as they stand, by reason, and the money of those that say how much.
SELECT
    reason,
    count(*) AS rows,
    coalesce(sum(amount), 0) AS money
FROM ({rows})
WHERE live AND reason IS NOT NULL
GROUP BY reason
ORDER BY reason
