-- What each text for a customer means, where that is not the text itself.
CREATE TABLE ids AS
SELECT
    text,
    coalesce(id_map.customer, own.customer_id) AS customer_id,
    reason
FROM (
    SELECT
        text,
        CASE
            WHEN reason IS NOT NULL THEN NULL
            WHEN $as_whole THEN regexp_replace(t, '\.0+$', '')
            ELSE t
        END AS customer_id,
        reason
    FROM id_texts
    WHERE text IS NOT NULL
) AS own
LEFT JOIN id_map ON own.customer_id = id_map.id
WHERE coalesce(id_map.customer, own.customer_id) IS DISTINCT FROM text
