-- A base as the tables that a file makes; what was never kept as text is written anew.
CREATE VIEW records AS
SELECT
    * EXCLUDE (original, content),
    hash(customer_id) AS customer
FROM snapshot;

CREATE VIEW source_rows AS
SELECT
    record,
    CAST(NULL AS BIGINT) AS line,
    {texts}
FROM snapshot
WHERE reason IS DISTINCT FROM 'field_count';

CREATE VIEW source_faults AS
SELECT
    record,
    CAST(NULL AS BIGINT) AS line,
    reason,
    original['line'] AS text
FROM snapshot
WHERE reason = 'field_count'
