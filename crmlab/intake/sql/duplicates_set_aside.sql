-- Duplicates among rows that would be used.
INSERT INTO set_aside
SELECT record, $reason
FROM duplicates
WHERE reason IS NULL
