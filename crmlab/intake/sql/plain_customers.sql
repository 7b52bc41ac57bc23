-- How many customers there are, if each text for one stands for a customer of its own; else NULL.
SELECT
    CASE WHEN NOT EXISTS (FROM ids WHERE customer_id IS NOT NULL) AND NOT EXISTS (FROM totals)
        THEN CAST(sum(ids) FILTER (reason IS NULL) AS BIGINT) END AS customers
FROM id_texts
