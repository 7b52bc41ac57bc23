-- Every row but those of people of whom nothing may be shown.
SELECT {columns}
FROM snapshot
WHERE reason IS NULL OR reason NOT IN ('blocked', 'erased')
ORDER BY record
