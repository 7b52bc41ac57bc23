-- The rows of a base: when each was known, what it says, and how it was written if it is faulty.
CREATE OR REPLACE TABLE base.rows AS
SELECT
    CAST(NULL AS INTEGER) AS load,
    CAST(NULL AS DATE) AS known_from,
    CAST(NULL AS DATE) AS known_until,
    CAST(NULL AS INTEGER) AS ended_by,
    CAST(NULL AS DATE) AS again_from,
    * EXCLUDE (nth)
FROM incoming
LIMIT 0
