-- Texts in the place of a customer or a day that are words for totals.
CREATE TABLE total_texts AS
SELECT text
FROM id_texts
WHERE total
UNION
SELECT text
FROM day_texts
WHERE list_contains($totals, plain_words(t))
