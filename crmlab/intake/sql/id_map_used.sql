-- Rows whose customer's id was replaced, and ids of which the table of merged ids knows nothing.
SELECT
    CAST(coalesce(sum(id_texts.rows) FILTER (id_map.customer != id_map.id), 0) AS BIGINT) AS rows,
    count(DISTINCT id_texts.t) FILTER (
        id_map.id IS NULL AND id_texts.t NOT IN (SELECT customer FROM id_map)
    ) AS customers
FROM id_texts
LEFT JOIN id_map ON id_texts.t = id_map.id
WHERE id_texts.reason IS NULL
