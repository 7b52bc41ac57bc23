-- Rows that say in every column what an earlier row says. A hash finds them, the columns decide.
CREATE TABLE duplicates AS
SELECT
    record,
    reason
FROM candidates
SEMI JOIN repeated_contents ON hash({columns}) = repeated_contents.key
QUALIFY row_number() OVER (PARTITION BY {columns} ORDER BY record) > 1
