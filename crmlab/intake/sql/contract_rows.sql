-- Every record as one contract: typed, with why it cannot be used; what is missing is NULL.
SELECT
    records.record,
    source_rows.line,
    records.customer_id,
    CASE WHEN records.reason NOT LIKE 'amount%' THEN records.reason END AS reason,
    CAST(records.date AS TIMESTAMP) AS "start",
    CAST(ends.date AS TIMESTAMP) AS "end",
    -- Some systems write a day that never comes where a contract has no end.
    ends.record IS NOT NULL AND ends.date IS NULL
        AND NOT regexp_matches(source_rows.last_date, '(^|\D)9999(\D|$)|^9999\d\d\d\d$') AS end_unreadable
    {others}
FROM records
LEFT JOIN source_rows ON records.record = source_rows.record
LEFT JOIN records AS ends ON records.record + $records = ends.record
{joins}
WHERE records.record <= $records
ORDER BY records.record
