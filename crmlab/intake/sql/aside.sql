-- What is not used, with the first reason for it. Sales can only be set aside on a day on which
-- something else happened too, or outside the period: other days are not looked through.
WITH parts AS (
    {parts}
),

doubtful AS (
    SELECT parts.*
    FROM parts
    SEMI JOIN (
        SELECT customer_id, date
        FROM parts
        WHERE money <= 0
    ) AS days ON parts.customer_id = days.customer_id AND parts.date = days.date
    WHERE date >= $start AND seen <= $observation_end
    UNION ALL
    SELECT *
    FROM parts
    WHERE date < $start OR seen > $observation_end
)

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
    doubtful.record,
    doubtful.customer_id,
    doubtful.money,
    doubtful.rows,
    CASE
        WHEN doubtful.date < $start THEN 'before_start'
        WHEN doubtful.seen > $observation_end THEN 'after_end'
        WHEN doubtful.money = 0 THEN 'zero_amount'
        ELSE 'net_zero_day'
    END AS reason
FROM doubtful
ANTI JOIN occasions
    ON doubtful.customer_id = occasions.customer_id
    AND doubtful.date = occasions.date
    AND doubtful.date >= $start
    AND doubtful.seen <= $observation_end
