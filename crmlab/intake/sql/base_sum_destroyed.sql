-- Rows of a person who is to be destroyed, added to the sums of those who were before.
CREATE OR REPLACE TABLE base.destroyed AS
WITH every AS (
    SELECT *, CAST(NULL AS DATE) AS until, CAST(NULL AS INTEGER) AS withdrawal
    FROM base.rows
    UNION ALL BY NAME
    SELECT *
    FROM base.past_rows
),

sums AS (
    SELECT
        load,
        known_from,
        known_until,
        ended_by,
        again_from,
        until,
        withdrawal,
        1 AS rows,
        amount AS money
    FROM every
    WHERE customer_id = $customer_id
    UNION ALL
    SELECT *
    FROM base.destroyed
)

SELECT * REPLACE (
    CAST(sum(rows) AS BIGINT) AS rows,
    CAST(coalesce(sum(money), 0) AS DECIMAL(38, 4)) AS money
)
FROM sums
GROUP BY load, known_from, known_until, ended_by, again_from, until, withdrawal
ORDER BY ALL
