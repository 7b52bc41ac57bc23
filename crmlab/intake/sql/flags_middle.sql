-- The usual spend of a day on the scale of logarithms, and its median deviation, of one in so many
-- customers.
WITH spend AS (
    SELECT ln(sum(money)) AS size
    FROM used
    WHERE customer % {one_in} = 0
    GROUP BY customer, date
    HAVING sum(money) > 0
),

middle AS (
    SELECT median(size) AS centre
    FROM spend
)

SELECT
    centre,
    median(abs(size - centre)) AS deviation
FROM spend
CROSS JOIN middle
GROUP BY centre
