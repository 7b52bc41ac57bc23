-- Transactions beyond the first of a customer's day, out of those beyond a customer's first.
SELECT
    count(*) - count(DISTINCT ({customer}, date)) AS same_day,
    count(*) - count(DISTINCT {customer}) AS repeats
FROM (
    SELECT DISTINCT
        {customer},
        date,
        transaction_id
    FROM records
    ANTI JOIN set_aside ON records.record = set_aside.record
    WHERE reason IS NULL AND amount > 0 AND date >= $start AND date <= $observation_end
)
