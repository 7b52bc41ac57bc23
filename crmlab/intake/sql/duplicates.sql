-- Rows that say in every column what an earlier row says: only a day of a customer with several
-- rows, or rows without a customer, can hold any. A hash finds them, the columns decide.
CREATE TABLE duplicates AS
WITH readable AS (
    SELECT records.*
    FROM records
    SEMI JOIN repeated ON {key} = repeated.key
    WHERE reason IS NULL
    UNION ALL
    SELECT *
    FROM records
    WHERE reason IN ('no_customer', 'placeholder_id')
),

repeating AS (
    SELECT hash({columns}) AS content
    FROM readable
    GROUP BY 1
    HAVING count(*) > 1
)

SELECT
    record,
    reason
FROM readable
SEMI JOIN repeating ON hash({columns}) = repeating.content
QUALIFY row_number() OVER (PARTITION BY {columns} ORDER BY record) > 1
