-- How the days are written: rows of each form, and those that only one order can explain.
SELECT
    form,
    CAST(sum(rows) AS BIGINT) AS rows,
    CAST(coalesce(sum(rows) FILTER (dmy IS NOT NULL AND mdy IS NULL), 0) AS BIGINT) AS only_dmy,
    CAST(coalesce(sum(rows) FILTER (mdy IS NOT NULL AND dmy IS NULL), 0) AS BIGINT) AS only_mdy,
    CAST(coalesce(sum(rows) FILTER (two_digit_year), 0) AS BIGINT) AS two_digit_years,
    min(t) FILTER (dmy IS NOT NULL AND mdy IS NULL) AS dmy_example,
    min(t) FILTER (mdy IS NOT NULL AND dmy IS NULL) AS mdy_example,
    min(t) AS example
FROM day_texts
GROUP BY form
-- Of forms that are equally frequent, one that needs no proof.
ORDER BY rows DESC, form != 'ymd', form
