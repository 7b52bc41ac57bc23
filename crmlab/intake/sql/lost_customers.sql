-- Customers all of whose rows are set aside, each with the first of its reasons.
SELECT
    customer_id,
    min(list_position($reasons, reason)) AS reason
FROM judged
WHERE customer_id IS NOT NULL
GROUP BY customer_id
HAVING count(reason) = count(*)
