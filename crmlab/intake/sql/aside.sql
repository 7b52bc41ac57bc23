-- What is not used, with the first reason for it.
WITH parts AS (
    {parts}
)

SELECT
    record,
    customer_id,
    amount AS money,
    1 AS rows,
    reason
FROM records
WHERE reason IS NOT NULL
UNION ALL
SELECT
    records.record,
    customer_id,
    amount AS money,
    1 AS rows,
    CASE
        WHEN set_aside.reason LIKE 'return%' AND date < $start THEN 'before_start'
        WHEN set_aside.reason LIKE 'return%' AND date > $observation_end THEN 'after_end'
        ELSE set_aside.reason
    END AS reason
FROM records
JOIN set_aside ON records.record = set_aside.record
WHERE records.reason IS NULL
UNION ALL
SELECT
    record,
    customer_id,
    money,
    rows,
    CASE WHEN date < $start THEN 'before_start' ELSE 'after_end' END AS reason
FROM parts
WHERE date < $start OR seen > $observation_end
UNION ALL
SELECT
    parts.record,
    parts.customer_id,
    parts.money,
    parts.rows,
    CASE WHEN parts.money = 0 THEN 'zero_amount' ELSE 'net_zero_day' END AS reason
FROM parts
SEMI JOIN empty_days ON parts.customer_id = empty_days.customer_id AND parts.date = empty_days.date
WHERE parts.date >= $start AND seen <= $observation_end
