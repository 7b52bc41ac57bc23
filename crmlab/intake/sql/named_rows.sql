-- Rows with a customer, and the days between which they lie.
SELECT
    count(*) AS rows,
    min(date) AS first_date,
    max(date) AS last_date
FROM records
WHERE customer_id IS NOT NULL
