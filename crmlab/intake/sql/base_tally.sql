-- What each load did to what is judged again.
CREATE OR REPLACE TEMP TABLE {name} AS
WITH judged AS (
    SELECT told.*
    FROM base.{table} AS told
    SEMI JOIN touched ON {matter} = touched.matter
),

did AS (
    SELECT load, 1 AS added, 0 AS known, 0 AS superseded, 0 AS money
    FROM judged
    UNION ALL
    SELECT ended_by, 0, 0, 1, 0
    FROM judged
    WHERE ended_by IS NOT NULL
    UNION ALL
    SELECT known.load, 0, 1, 0, coalesce({money}, 0)
    FROM base.known AS known
    JOIN judged AS told ON known.of_load = told.load AND known.of_record = told.record
)

SELECT
    load,
    sum(added) AS added,
    sum(known) AS known,
    sum(superseded) AS superseded,
    sum(money) AS money
FROM did
GROUP BY load
