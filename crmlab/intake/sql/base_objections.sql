-- How many of the people named there are purchases of, and how many objections stand.
SELECT
    (
        SELECT count(DISTINCT rows.customer_id) FROM base.rows AS rows
        WHERE rows.known_until IS NULL
            AND list_contains(CAST($ids AS VARCHAR []), rows.customer_id)
    ) AS known,
    (SELECT count(*) FROM base.objections WHERE withdrawn IS NULL) AS standing
