-- What is set aside, by reason.
SELECT
    reason,
    CAST(sum(rows) AS BIGINT) AS records,
    coalesce(sum(money), 0) AS money
FROM aside
GROUP BY reason
