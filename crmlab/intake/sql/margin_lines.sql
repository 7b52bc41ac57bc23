-- What was bought and not returned, and what was left of it: `kept` is NULL where nobody knows, or
-- nobody can believe it (more was left than was paid). A return lowers all that was bought on the
-- day from which it is taken, by the same share.
WITH days AS (
    SELECT
        customer_id,
        date,
        sum(money) AS net,
        sum(money) FILTER (WHERE money >= 0) AS gross
    FROM used
    GROUP BY customer_id, date
),

lines AS (
    SELECT
        used.customer_id,
        records.amount,
        CASE WHEN days.gross > 0 THEN CAST(days.net AS DOUBLE) / CAST(days.gross AS DOUBLE) ELSE 1 END
            AS stays,
        {category} AS category,
        CAST({left} AS DECIMAL(28, 6)) AS whole
    FROM used
    JOIN records ON used.record = records.record
    JOIN days ON used.customer_id = days.customer_id AND used.date = days.date
    {join}
    WHERE records.amount >= 0
)

-- Rounded a row, so that sums do not depend on the order of rows.
SELECT
    customer_id,
    category,
    whole,
    CAST(amount * stays AS DECIMAL(28, 6)) AS money,
    CASE WHEN whole <= amount + 0.005 THEN CAST(whole * stays AS DECIMAL(28, 6)) END AS kept
FROM lines
