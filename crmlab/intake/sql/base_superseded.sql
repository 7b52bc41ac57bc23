-- Rows of the base that a key which comes in no longer has: what comes in corrects them.
CREATE OR REPLACE TEMP TABLE superseded AS
WITH touched AS (
    SELECT
        rows.load,
        rows.record,
        rows.content,
        row_number() OVER (PARTITION BY rows.content ORDER BY rows.load, rows.record) AS nth
    FROM base.rows AS rows
    SEMI JOIN incoming ON rows.key = incoming.key
    WHERE rows.known_until IS NULL
),

brought AS (
    SELECT
        content,
        count(*) AS copies
    FROM incoming
    WHERE key IS NOT NULL
    GROUP BY content
)

SELECT
    touched.load,
    touched.record
FROM touched
LEFT JOIN brought ON touched.content = brought.content
WHERE touched.nth > coalesce(brought.copies, 0)
