-- What stood in a table on a day as it was judged then: a withdrawal does not change the past.
SELECT *
FROM base.{table}
WHERE again_from IS NULL OR again_from <= $as_of
UNION ALL BY NAME
SELECT * EXCLUDE (until, withdrawal)
FROM base.past_{table}
WHERE (again_from IS NULL OR again_from <= $as_of) AND until > $as_of
