-- Rows that the base held already: where they stood, and which row says the same.
INSERT INTO base.known BY NAME
SELECT
    $load AS load,
    incoming.record,
    incoming.line,
    held.first.load AS of_load,
    held.first.record AS of_record
FROM incoming
JOIN held ON incoming.content = held.content
WHERE incoming.nth <= held.copies
ORDER BY incoming.record
