-- Rows set aside by reason, and the size of their money.
SELECT
    coalesce(set_aside.reason, records.reason) AS reason,
    count(*) AS rows,
    coalesce(sum(abs(amount)), 0) AS money
FROM records
LEFT JOIN set_aside ON records.record = set_aside.record
WHERE records.reason IS NOT NULL OR set_aside.reason IS NOT NULL
GROUP BY 1
