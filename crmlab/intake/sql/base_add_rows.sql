-- Rows beyond those that the base held already.
INSERT INTO base.rows BY NAME
SELECT
    $load AS load,
    $loaded_on AS known_from,
    $again_from AS again_from,
    incoming.* EXCLUDE (nth)
FROM incoming
LEFT JOIN held ON incoming.content = held.content
WHERE incoming.nth > coalesce(held.copies, 0)
ORDER BY incoming.record
