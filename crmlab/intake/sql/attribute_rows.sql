-- What is said of each customer from which day on, and why a row cannot be used.
CREATE TABLE attribute_rows AS
WITH told AS (
    SELECT
        records.record,
        source_rows.line,
        records.customer_id,
        records.date AS valid_from,
        CASE
            WHEN records.reason NOT LIKE 'amount%' THEN records.reason
            WHEN records.reason IS NOT NULL AND stripped(source_rows.amount) != ''
                THEN 'cost_unreadable'
            WHEN {unreadable} THEN 'cost_unreadable'
        END AS reason,
        CASE WHEN source_rows.record IS NOT NULL THEN {facts} END AS facts
    FROM records
    LEFT JOIN source_rows ON records.record = source_rows.record
)

SELECT
    *,
    -- The same said twice is said once.
    reason IS NULL AND row_number() OVER (
        PARTITION BY customer_id, valid_from, facts, reason ORDER BY record
    ) > 1 AS repeated
FROM told
