-- Every row that is set aside, with its reason and its original text.
SELECT
    aside.record,
    coalesce(source_rows.line, source_faults.line) AS line,
    aside.reason,
    source_faults.text,
    source_rows.* EXCLUDE (record, line)
FROM aside
LEFT JOIN source_rows ON aside.record = source_rows.record
LEFT JOIN source_faults ON aside.record = source_faults.record
WHERE aside.rows > 0
ORDER BY aside.record
