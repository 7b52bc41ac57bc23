-- Days of spend far from the others: more than eight median deviations on the scale of logarithms.
WITH spend AS (
    SELECT amount, ln(amount) AS size
    FROM occasions
    WHERE amount > 0
),

middle AS (
    SELECT median(size) AS centre
    FROM spend
),

spread AS (
    SELECT centre, median(abs(size - centre)) AS deviation
    FROM spend
    CROSS JOIN middle
    GROUP BY centre
)

SELECT
    count(*) AS rows,
    coalesce(sum(amount), 0) AS money
FROM spend
CROSS JOIN spread
WHERE deviation > 0 AND abs(size - centre) > 8 * deviation
