-- What each text for a day means in the form and order that hold for this source, where the
-- engine would not read it so by itself.
CREATE TABLE days AS
WITH counted AS (
    SELECT
        *,
        CASE WHEN form = 'number' THEN TRY_CAST(replace(t, ',', '.') AS DOUBLE) END AS number,
        CASE WHEN abs(number) < CASE WHEN $system LIKE 'excel%' THEN 1e6 ELSE 1e17 END
            THEN number END AS n
    FROM day_texts
),

read AS (
    SELECT
        text,
        CASE
            WHEN form != $form THEN NULL
            WHEN form = 'number' THEN CASE $system
                WHEN 'excel' THEN DATE '1899-12-30' + CAST(floor(n) AS INTEGER)
                WHEN 'excel-1904' THEN DATE '1904-01-01' + CAST(floor(n) AS INTEGER)
                ELSE CAST({local} AS DATE)
            END
            WHEN $date_order = 'ymd' THEN ymd
            WHEN $date_order = 'mdy' THEN mdy
            ELSE dmy
        END AS date
    FROM counted
),

limited AS (
    SELECT
        text,
        CASE WHEN year(date) BETWEEN $first_year AND 2200 THEN date END AS date,
        CASE WHEN date IS NULL THEN 'date_unreadable' ELSE 'date_out_of_range' END AS reason
    FROM read
)

SELECT
    text,
    date,
    CASE WHEN date IS NULL THEN reason END AS reason
FROM limited
WHERE date IS NULL OR strftime(date, '%Y-%m-%d') != text
