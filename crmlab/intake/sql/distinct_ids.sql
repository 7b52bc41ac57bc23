-- How many ids there are once they are cleaned.
SELECT count(DISTINCT t) AS ids
FROM id_texts
WHERE reason IS NULL
