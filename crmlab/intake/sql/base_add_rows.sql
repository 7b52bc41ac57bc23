-- Rows beyond those that the base held already.
INSERT INTO base.rows BY NAME
SELECT
    $load AS load,
    incoming.record,
    incoming.line,
    $loaded_on AS known_from,
    CAST(NULL AS DATE) AS known_until,
    CAST(NULL AS INTEGER) AS ended_by,
    incoming.content,
    incoming.key,
    incoming.original,
    {columns}
FROM incoming
LEFT JOIN held ON incoming.content = held.content
WHERE incoming.nth > coalesce(held.copies, 0)
ORDER BY incoming.record
