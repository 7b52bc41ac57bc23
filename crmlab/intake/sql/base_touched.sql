-- What a load says something of: nothing else is judged otherwise without it.
CREATE OR REPLACE TEMP TABLE touched AS
SELECT {matter} AS matter
FROM base.{table} AS told
WHERE told.load = $load
UNION
SELECT {matter} AS matter
FROM base.known AS known
JOIN base.{table} AS told ON known.of_load = told.load AND known.of_record = told.record
WHERE known.load = $load
