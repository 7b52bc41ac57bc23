-- Days of a customer on which something was free or returned.
SELECT DISTINCT
    customer_id,
    customer,
    date
FROM parts
WHERE money <= 0 AND date >= $start AND seen <= $observation_end
