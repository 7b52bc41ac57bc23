-- The number of the last record.
SELECT max(record) AS records
FROM (
    SELECT record FROM source_rows
    UNION ALL
    SELECT record FROM source_faults
)
