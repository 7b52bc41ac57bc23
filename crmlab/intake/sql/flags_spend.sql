-- Days of spend far from the others: more than eight median deviations on the scale of logarithms.
WITH spend AS (
    SELECT sum(money) AS amount
    FROM used
    {among}
    GROUP BY used.{customer}, used.date
)

SELECT
    count(*) AS rows,
    coalesce(sum(amount), 0) AS money
FROM spend
WHERE CASE WHEN amount > 0 THEN abs(ln(amount) - {centre}) > 8 * {deviation} END
