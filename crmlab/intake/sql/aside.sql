-- What rows bring, with the first reason for which it is set aside, or none if it is used.
SELECT
    records.record,
    customer_id,
    amount AS money,
    1 AS rows,
    CASE
        WHEN set_aside.reason LIKE 'return%' AND date < $start THEN 'before_start'
        WHEN set_aside.reason LIKE 'return%' AND date > $observation_end THEN 'after_end'
        ELSE coalesce(set_aside.reason, records.reason)
    END AS reason
FROM records
LEFT JOIN set_aside ON records.record = set_aside.record
WHERE records.reason IS NOT NULL OR set_aside.reason IS NOT NULL
UNION ALL
SELECT
    parts.record,
    parts.customer_id,
    parts.money,
    parts.rows,
    CASE
        WHEN parts.date < $start THEN 'before_start'
        WHEN parts.seen > $observation_end THEN 'after_end'
        WHEN occasions.date IS NOT NULL THEN NULL
        WHEN parts.money = 0 THEN 'zero_amount'
        ELSE 'net_zero_day'
    END AS reason
FROM parts
LEFT JOIN occasions
    ON parts.customer_id = occasions.customer_id
    AND parts.date = occasions.date
