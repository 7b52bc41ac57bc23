-- Days with any purchase: the last one, and how long the times between them are.
WITH days AS (
    SELECT DISTINCT date
    FROM records
    WHERE reason IS NULL AND amount > 0 AND date <= $observation_end
),

gaps AS (
    SELECT
        date,
        lag(date) OVER (ORDER BY date) AS before,
        date_diff('day', lag(date) OVER (ORDER BY date), date) AS gap
    FROM days
)

SELECT
    count(*) AS days,
    max(date) AS last,
    coalesce(quantile_cont(gap, 0.99), 0) AS usual,
    coalesce(max(gap), 0) AS longest,
    arg_max(before, gap) AS longest_from,
    arg_max(date, gap) AS longest_until
FROM gaps
