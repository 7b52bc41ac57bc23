-- From the load on, what was known is judged again.
DELETE FROM base.known
USING base.{table} AS told, touched
WHERE
    known.of_load = told.load
    AND known.of_record = told.record
    AND {matter} = touched.matter
    AND known.load >= $load
