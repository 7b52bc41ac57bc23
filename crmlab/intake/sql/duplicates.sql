-- Rows that say in every column what an earlier row says. A hash finds them, the columns decide.
CREATE TABLE duplicates AS
WITH readable AS (
    SELECT *
    FROM records
    WHERE reason IS NULL OR reason IN ('no_customer', 'placeholder_id')
),

repeated AS (
    SELECT hash({columns}) AS content
    FROM readable
    GROUP BY 1
    HAVING count(*) > 1
)

SELECT
    record,
    reason
FROM readable
SEMI JOIN repeated ON hash({columns}) = repeated.content
QUALIFY row_number() OVER (PARTITION BY {columns} ORDER BY record) > 1
