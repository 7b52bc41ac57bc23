-- Rows as they were known on a day, those that were corrected by then too (`live` is false).
SELECT
    *,
    known_until IS NULL OR known_until > $as_of AS live
FROM ({rows}) AS rows
WHERE known_from <= $as_of
