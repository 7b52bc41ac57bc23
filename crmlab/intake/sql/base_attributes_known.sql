-- Attributes as they were known on a day.
SELECT
    customer_id,
    CAST(valid_from AS TIMESTAMP) AS valid_from,
    MAP {{facts}} AS facts
FROM ({attributes}) AS attributes
ANTI JOIN base.blocks AS blocks ON attributes.customer_id = blocks.customer_id
WHERE known_from <= $as_of AND (known_until IS NULL OR known_until > $as_of)
WINDOW sofar AS (PARTITION BY customer_id ORDER BY valid_from, load)
QUALIFY row_number() OVER (PARTITION BY customer_id, valid_from ORDER BY load DESC) = 1
ORDER BY customer_id, valid_from
