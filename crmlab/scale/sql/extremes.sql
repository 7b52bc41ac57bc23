-- One row a customer. Day x 2^46 + units is a whole number; the smallest tells the first day and
-- what was spent on it, with no join and no function that every engine calls otherwise.
SELECT
    customer_id,
    CAST(count(*) AS INTEGER) AS occasions,
    CAST({paid_occasions} AS INTEGER) AS paid_occasions,
    min(CAST(day AS BIGINT) * 70368744177664 + units) AS first_occasion,
    max(CAST(day AS BIGINT) * 70368744177664 + units) AS last_occasion,
    CAST(sum(units) AS BIGINT) AS total_units
FROM occasions
GROUP BY customer_id
