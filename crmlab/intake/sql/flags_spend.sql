-- Days of spend far from the others: more than eight median deviations on the scale of logarithms.
-- A day of more than `high` has a row of a share of it; one of less than `low`, a row of less.
WITH candidates AS (
    SELECT DISTINCT customer_id, date
    FROM used
    WHERE money < {low} OR money > {high} / {rows_a_day}
),

spend AS (
    SELECT sum(money) AS amount
    FROM used
    SEMI JOIN candidates
        ON used.customer_id = candidates.customer_id AND used.date = candidates.date
    GROUP BY used.customer_id, used.date
)

SELECT
    count(*) AS rows,
    coalesce(sum(amount), 0) AS money
FROM spend
WHERE CASE WHEN amount > 0 THEN abs(ln(amount) - {centre}) > 8 * {deviation} END
