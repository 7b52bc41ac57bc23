-- How many ids there are once they are cleaned.
SELECT CAST(count(DISTINCT t) + coalesce(sum(ids - 1), 0) AS BIGINT) AS ids
FROM id_texts
WHERE reason IS NULL
