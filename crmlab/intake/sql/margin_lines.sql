-- What was bought and not returned, and what was left of it: `kept` is NULL where nobody knows, or
-- nobody can believe it (more was left than was paid). A return of a known product lowers the
-- purchase from which it is taken; any other all that was bought on its day, by the same share.
WITH sales AS (
    SELECT
        customer_id,
        date,
        sale,
        sum(money) AS net
    FROM used
    WHERE sale IS NOT NULL
    GROUP BY customer_id, date, sale
),

shared AS (
    SELECT
        customer_id,
        date,
        CAST(sum(money) AS DOUBLE)
            / CAST(nullif(sum(money) FILTER (WHERE sale IS NOT NULL), 0) AS DOUBLE) AS stays
    FROM used
    GROUP BY customer_id, date
    HAVING count(*) > count(sale)
),

lines AS (
    SELECT
        sales.customer_id,
        records.amount,
        sales.net * coalesce(shared.stays, 1) AS money,
        {category} AS category,
        CAST({left} AS DECIMAL(28, 6)) AS whole
    FROM sales
    JOIN records ON sales.sale = records.record
    LEFT JOIN shared ON sales.customer_id = shared.customer_id AND sales.date = shared.date
    {join}
)

-- Rounded a row, so that sums do not depend on the order of rows.
SELECT
    customer_id,
    category,
    whole,
    CAST(money AS DECIMAL(28, 6)) AS money,
    CASE
        WHEN whole > amount + 0.005 THEN NULL
        WHEN amount = 0 THEN whole
        ELSE CAST(whole * (CAST(money AS DOUBLE) / CAST(amount AS DOUBLE)) AS DECIMAL(28, 6))
    END AS kept
FROM lines
