-- From the load on, what was new is judged again; of the load itself nothing stays.
DELETE FROM base.{table} AS told
USING touched
WHERE {matter} = touched.matter AND told.load >= $load
