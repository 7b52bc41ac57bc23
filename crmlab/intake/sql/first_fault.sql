-- The first row that is set aside for a reason, and what it says in one column.
SELECT
    records.record,
    coalesce(source_rows.line, source_faults.line) AS line,
    {said} AS said
FROM records
LEFT JOIN set_aside ON records.record = set_aside.record
LEFT JOIN source_rows ON records.record = source_rows.record
LEFT JOIN source_faults ON records.record = source_faults.record
WHERE coalesce(set_aside.reason, records.reason) = $reason
ORDER BY records.record
LIMIT 1
