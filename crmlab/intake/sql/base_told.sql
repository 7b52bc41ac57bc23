-- What a table of attributes tells, once each.
CREATE OR REPLACE TABLE told AS
SELECT
    record,
    customer_id,
    valid_from,
    facts
FROM attribute_rows
WHERE reason IS NULL AND NOT repeated
