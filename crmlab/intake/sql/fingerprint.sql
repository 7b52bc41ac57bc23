-- The content of the mapped columns, hashed in parts of 10,000 rows so that memory stays small.
-- Each text is written with its length, so that no two contents are written alike.
SELECT
    sha256(
        string_agg(
            {row},
            '' ORDER BY record
        )
    ) AS digest
FROM source_rows
GROUP BY record // 10000
ORDER BY min(record)
