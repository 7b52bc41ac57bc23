-- One row a customer, in days and exact money.
SELECT
    customer_id,
    count(*) AS occasions,
    min(date) AS first_date,
    max(date) AS last_date,
    arg_min(amount, date) AS first_value,
    sum(amount) AS total_value,
    count(*) FILTER (WHERE amount > 0) AS paid_occasions
FROM occasions
GROUP BY customer_id
