-- Customers of whom the base says something else than when the kept summary was made.
SELECT customer_id
FROM base.rows
WHERE
    customer_id IS NOT NULL
    AND (load > $load OR ended_by > $load OR (date > $earlier_end AND date <= $observation_end))
UNION
SELECT customer_id
FROM base.past_rows
WHERE customer_id IS NOT NULL AND withdrawal > $withdrawal
UNION
SELECT customer_id
FROM base.objections
UNION
SELECT customer_id
FROM base.blocks
UNION
-- Of these nothing is left.
SELECT kept.customer_id
FROM kept
ANTI JOIN base.rows AS rows ON kept.customer_id = rows.customer_id
