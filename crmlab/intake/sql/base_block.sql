-- Once is enough.
INSERT INTO base.blocks
SELECT
    $customer_id AS customer_id,
    $today AS blocked_on
WHERE NOT EXISTS (SELECT 1 FROM base.blocks WHERE blocks.customer_id = $customer_id)
