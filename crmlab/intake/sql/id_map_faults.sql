-- Ids that stand for several customers or none, or whose customer's id stands for another itself.
WITH faults AS (
    SELECT id
    FROM id_map
    GROUP BY id
    HAVING count(*) > 1
    UNION
    SELECT id
    FROM id_map
    WHERE coalesce(id, '') = '' OR coalesce(customer, '') = ''
    UNION
    SELECT id_map.id
    FROM id_map
    JOIN id_map AS next ON id_map.customer = next.id
    WHERE next.customer != next.id
)

SELECT
    count(*) AS ids,
    coalesce(min(id), '') AS first
FROM faults
