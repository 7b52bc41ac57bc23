-- What the base was told otherwise before.
CREATE OR REPLACE TEMP TABLE otherwise AS
SELECT
    attributes.load,
    attributes.record
FROM base.attributes AS attributes
JOIN told
    ON attributes.customer_id = told.customer_id
    AND attributes.valid_from = told.valid_from
    AND map_keys(attributes.facts) = map_keys(told.facts)
WHERE attributes.known_until IS NULL AND attributes.facts != told.facts
