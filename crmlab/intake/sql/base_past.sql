-- Until today it was what we knew, and how we judged it.
INSERT INTO base.past_{table} BY NAME
SELECT
    told.*,
    $day AS until,
    $withdrawal AS withdrawal
FROM base.{table} AS told
SEMI JOIN touched ON {matter} = touched.matter
