-- How regular customers with four occasions or more are, and how long they wait.
WITH gaps AS (
    SELECT
        customer_id,
        date_diff('day', lag(date) OVER (PARTITION BY customer_id ORDER BY date), date) AS gap
    FROM occasions
),

each AS (
    SELECT
        count(gap) AS gaps,
        avg(gap) AS mean,
        stddev_samp(gap) AS deviation
    FROM gaps
    GROUP BY customer_id
)

SELECT
    count(*) FILTER (WHERE gaps >= 3) AS customers,
    median(deviation / mean) FILTER (WHERE gaps >= 3) AS variation,
    count(*) FILTER (WHERE gaps >= 1) AS repeaters,
    median(mean) FILTER (WHERE gaps >= 1) AS wait
FROM each
