-- Days without a row between the first and the last, in one stretch, where the same weekdays would
-- usually have brought at least $expected rows.
WITH days AS (
    SELECT
        date,
        count(*) AS rows
    FROM ({rows})
    WHERE live AND date IS NOT NULL
    GROUP BY date
),

calendar AS (
    SELECT CAST(unnest(generate_series(min(date), max(date), INTERVAL 1 DAY)) AS DATE) AS date
    FROM days
),

filled AS (
    SELECT
        calendar.date,
        coalesce(days.rows, 0) AS rows
    FROM calendar
    LEFT JOIN days ON calendar.date = days.date
),

usual AS (
    SELECT
        isodow(date) AS weekday,
        median(rows) AS rows
    FROM filled
    GROUP BY ALL
),

empty AS (
    SELECT
        filled.date,
        usual.rows AS usual,
        filled.date - CAST(row_number() OVER (ORDER BY filled.date) AS INTEGER) AS stretch
    FROM filled
    JOIN usual ON isodow(filled.date) = usual.weekday
    WHERE filled.rows = 0
)

SELECT
    min(date) AS first_date,
    max(date) AS last_date,
    CAST(round(sum(usual)) AS BIGINT) AS usual_rows
FROM empty
GROUP BY stretch
HAVING sum(usual) >= $expected
ORDER BY first_date
