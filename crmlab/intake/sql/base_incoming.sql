-- The rows of a source as a base compares them: by content (all that is said), by key (if any).
-- A row that could not be read is told by its text; of rows that say the same, `nth` counts them.
CREATE OR REPLACE TABLE incoming AS
WITH every AS (
    SELECT
        records.record,
        coalesce(source_rows.line, source_faults.line) AS line,
        CASE
            WHEN source_faults.record IS NOT NULL THEN MAP {'line': source_faults.text}
            WHEN records.reason IS NOT NULL THEN MAP {{texts}}
        END AS original,
        {columns}
    FROM records
    LEFT JOIN source_rows ON records.record = source_rows.record
    LEFT JOIN source_faults ON records.record = source_faults.record
),

hashed AS (
    SELECT
        *,
        md5_number({content}) AS content,
        {key} AS key
    FROM every
)

SELECT
    *,
    row_number() OVER (PARTITION BY content ORDER BY record) AS nth
FROM hashed
