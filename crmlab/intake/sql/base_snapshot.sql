-- The base as it was known on a day, in an order that does not depend on when a row came.
-- Of people who were blocked or erased nothing is shown but that there was a row.
CREATE TABLE snapshot AS
WITH known AS (
    SELECT *
    FROM ({rows})
    WHERE live
),

objecting AS (
    SELECT DISTINCT customer_id
    FROM base.objections
    WHERE withdrawn IS NULL
),

named AS (
    SELECT
        {columns},
        CASE WHEN objecting.customer_id IS NOT NULL THEN 'objected' ELSE known.reason END
            AS reason,
        known.original,
        known.content
    FROM known
    ANTI JOIN base.blocks AS blocks ON known.customer_id = blocks.customer_id
    LEFT JOIN objecting ON known.customer_id = objecting.customer_id
),

nameless AS (
    SELECT 'blocked' AS reason
    FROM known
    SEMI JOIN base.blocks AS blocks ON known.customer_id = blocks.customer_id
    UNION ALL
    SELECT 'erased' AS reason
    FROM range($erased)
),

every AS (
    SELECT * FROM named
    UNION ALL BY NAME
    SELECT * FROM nameless
)

SELECT
    row_number() OVER (ORDER BY {order}) AS record,
    *
FROM every
ORDER BY record
