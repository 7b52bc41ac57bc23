-- What is set aside, by reason.
SELECT
    reason,
    count(*) AS records,
    coalesce(sum(amount), 0) AS money
FROM judged
WHERE reason IS NOT NULL
GROUP BY reason
