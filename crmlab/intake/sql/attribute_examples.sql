-- The first row of each reason, where it stands and what it says.
WITH first AS (
    SELECT
        reason,
        min(record) AS record
    FROM attribute_rows
    WHERE reason IS NOT NULL
    GROUP BY reason
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
