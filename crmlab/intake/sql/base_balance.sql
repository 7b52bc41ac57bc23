-- All that the loads which stood on a day read, and what had become of it: each counted apart.
WITH loads AS (
    SELECT *
    FROM ({loads})
    WHERE kind = 'rows' AND loaded_on <= $as_of
),

rows AS (
    {rows}
),

gone AS (
    SELECT *
    FROM base.destroyed
    WHERE
        known_from <= $as_of
        AND (again_from IS NULL OR again_from <= $as_of)
        AND (until IS NULL OR until > $as_of)
),

counts AS (
    SELECT 'read' AS name, sum(records) AS rows, sum(money) AS money FROM loads
    UNION ALL
    SELECT 'live', count(*), sum(amount) FROM rows WHERE live
    UNION ALL
    SELECT 'superseded', count(*), sum(amount) FROM rows WHERE NOT live
    UNION ALL
    SELECT 'known', sum(known), sum(known_money) FROM loads
    UNION ALL
    SELECT 'refused', sum(erased), sum(erased_money) FROM loads
    UNION ALL
    SELECT 'destroyed', sum(rows), sum(money) FROM gone
)

SELECT
    name,
    coalesce(rows, 0) AS rows,
    CAST(coalesce(money, 0) AS DECIMAL(38, 4)) AS money
FROM counts
