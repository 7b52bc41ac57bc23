-- What each text for a day means in the form and order that hold for this source.
CREATE TABLE days AS
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
FROM (
    SELECT
        *,
        CASE WHEN form = 'number' THEN TRY_CAST(replace(t, ',', '.') AS DOUBLE) END AS number,
        CASE WHEN abs(number) < CASE WHEN $system LIKE 'excel%' THEN 1e6 ELSE 1e17 END
            THEN number END AS n
    FROM day_texts
)
