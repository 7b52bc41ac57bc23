-- How many rows of each content that comes in the base holds already, and the first of them.
CREATE OR REPLACE TEMP TABLE held AS
SELECT
    rows.content,
    count(*) AS copies,
    min({'load': rows.load, 'record': rows.record}) AS first
FROM base.rows AS rows
SEMI JOIN incoming ON rows.content = incoming.content
WHERE rows.known_until IS NULL
GROUP BY rows.content
