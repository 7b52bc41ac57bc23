-- What stands out among customers: one giant, all won on a day, many won at the very start.
WITH each AS (
    SELECT
        customer_id,
        count(*) AS occasions,
        sum(rows) AS rows,
        sum(amount) AS money,
        min(date) AS first_date
    FROM occasions
    GROUP BY customer_id
),

whole AS (
    SELECT
        *,
        min(first_date) OVER () AS start
    FROM each
)

SELECT
    count(*) AS customers,
    CAST(sum(rows) AS BIGINT) AS rows,
    CAST(sum(occasions) AS BIGINT) AS occasions,
    CAST(max(rows) AS BIGINT) AS most_rows,
    max(occasions) AS most_occasions,
    quantile_cont(occasions, 0.999) AS usual_occasions,
    arg_max(money, rows) AS giant_money,
    sum(money) AS money,
    count(DISTINCT first_date) AS first_days,
    count(*) FILTER (WHERE date_diff('day', start, first_date) < 30) AS won_first,
    count(*) FILTER (WHERE date_diff('day', start, first_date) BETWEEN 30 AND 59) AS won_next,
    date_diff('day', min(start), $observation_end) AS days
FROM whole
