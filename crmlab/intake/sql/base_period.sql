-- The days and customers of a base's rows, and the money of those that can be used.
SELECT
    min(date) AS first_date,
    max(date) AS last_date,
    count(DISTINCT customer_id) AS customers,
    count(*) FILTER (WHERE reason IS NULL) AS usable,
    coalesce(sum(amount) FILTER (WHERE reason IS NULL AND amount > 0), 0) AS gross,
    coalesce(sum(amount) FILTER (WHERE reason IS NULL AND amount < 0), 0) AS returns
FROM ({rows})
WHERE live
