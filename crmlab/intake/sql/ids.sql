-- What each text for a customer means, where that is not the text itself.
CREATE TABLE ids AS
SELECT *
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
)
WHERE customer_id IS DISTINCT FROM text
