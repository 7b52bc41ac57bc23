-- All that is told of customers, hashed customer by customer so that memory stays small.
WITH customers AS (
    SELECT
        customer_id,
        sha256(string_agg(
            CAST(valid_from AS VARCHAR) || CAST(to_json(facts) AS VARCHAR),
            chr(10) ORDER BY valid_from, CAST(to_json(facts) AS VARCHAR)
        )) AS digest
    FROM ({attributes}) AS attributes
    ANTI JOIN base.blocks AS blocks ON attributes.customer_id = blocks.customer_id
    WHERE known_from <= $as_of AND (known_until IS NULL OR known_until > $as_of)
    GROUP BY customer_id
)

SELECT sha256(coalesce(string_agg(customer_id || ' ' || digest, chr(10) ORDER BY customer_id), ''))
    AS digest
FROM customers
