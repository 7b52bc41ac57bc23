-- One row a customer, in days and exact money.
SELECT
    customer_id,
    count(*) AS occasions,
    min(date) AS first_date,
    max(date) AS last_date,
    arg_min(amount, date) AS first_value,
    sum(amount) AS total_value,
    count(*) FILTER (WHERE amount > 0) AS paid_occasions,
    -- Added as decimals: floats would add up differently in another order.
    coalesce(sum(CAST(ln(gap) AS DECIMAL(38, 18))), 0) AS log_gaps
FROM (
    SELECT
        customer_id,
        date,
        amount,
        date_diff('day', lag(date) OVER (PARTITION BY customer_id ORDER BY date), date) AS gap
    FROM occasions
) AS following
GROUP BY customer_id
