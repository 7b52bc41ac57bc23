-- What the base was not told yet.
INSERT INTO base.attributes BY NAME
SELECT
    $load AS load,
    told.record,
    $loaded_on AS known_from,
    told.customer_id,
    told.valid_from,
    told.facts
FROM told
ANTI JOIN (SELECT * FROM base.attributes WHERE known_until IS NULL) AS attributes
    ON told.customer_id = attributes.customer_id
    AND told.valid_from = attributes.valid_from
    AND told.facts = attributes.facts
ORDER BY told.record
