-- What the source holds.
SELECT
    count(*) AS records,
    coalesce(sum(amount), 0) AS money,
    coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS sales,
    coalesce(sum(amount) FILTER (WHERE amount < 0), 0) AS returns,
    count(customer_id) AS named,
    count(*) FILTER (WHERE amount < 0) AS negative,
    count(*) FILTER (WHERE amount > 0) AS positive,
    count(*) FILTER (WHERE amount = 0) AS free,
    min(date) FILTER (WHERE customer_id IS NOT NULL AND amount IS NOT NULL) AS first_date,
    max(date) FILTER (WHERE customer_id IS NOT NULL AND amount IS NOT NULL) AS last_date
FROM records
