-- How much there is of a person.
SELECT
    (
        SELECT count(*) FROM base.rows AS rows
        WHERE rows.customer_id = $customer_id AND rows.known_until IS NULL
    ) AS live,
    (
        SELECT count(*) FROM base.rows AS rows
        WHERE rows.customer_id = $customer_id AND rows.known_until IS NOT NULL
    ) AS ended,
    (
        SELECT count(*) FROM base.past_rows AS rows
        WHERE rows.customer_id = $customer_id
    ) AS withdrawn,
    (
        SELECT count(*) FROM base.past_attributes AS attributes
        WHERE attributes.customer_id = $customer_id
    ) AS facts_withdrawn,
    (SELECT count(*) FROM base.attributes WHERE attributes.customer_id = $customer_id) AS facts
