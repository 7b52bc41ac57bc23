-- How many rows of each content that comes in the base holds already.
CREATE OR REPLACE TABLE held AS
SELECT
    rows.content,
    count(*) AS copies
FROM base.rows AS rows
SEMI JOIN incoming ON rows.content = incoming.content
WHERE rows.known_until IS NULL
GROUP BY rows.content
