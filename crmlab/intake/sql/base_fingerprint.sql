-- What the snapshot says, hashed in parts of 10,000 rows so that memory stays small.
SELECT sha256(string_agg(coalesce(CAST(content AS VARCHAR), '-') || coalesce(reason, ''), ' ' ORDER BY record)) AS digest
FROM snapshot
GROUP BY record // 10000
ORDER BY min(record)
