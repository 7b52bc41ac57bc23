-- What the base was told already, and the row that says it.
CREATE OR REPLACE TEMP TABLE held AS
SELECT
    told.record,
    min({'load': attributes.load, 'record': attributes.record}) AS first
FROM told
JOIN base.attributes AS attributes
    ON told.customer_id = attributes.customer_id
    AND told.valid_from = attributes.valid_from
    AND told.facts = attributes.facts
WHERE attributes.known_until IS NULL
GROUP BY told.record
