-- The first rows of each reason, as they stand in the source.
WITH first AS (
    SELECT record, reason
    FROM aside
    WHERE rows > 0
    QUALIFY row_number() OVER (PARTITION BY reason ORDER BY record) <= $limit
)

SELECT
    first.reason,
    first.record,
    coalesce(source_rows.line, source_faults.line) AS line,
    source_faults.text,
    source_rows.* EXCLUDE (record, line)
FROM first
LEFT JOIN source_rows ON first.record = source_rows.record
LEFT JOIN source_faults ON first.record = source_faults.record
ORDER BY first.record
