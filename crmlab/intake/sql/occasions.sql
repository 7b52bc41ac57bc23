-- One row a customer and day: what was spent, and how many rows are behind it.
SELECT
    customer_id,
    date,
    sum(amount) AS amount,
    count(*) AS rows
FROM records
WHERE customer_id IS NOT NULL
    AND date <= $observation_end
    AND amount >= 0
GROUP BY customer_id, date
HAVING sum(amount) > 0 OR $zero_amount = 'occasion'
