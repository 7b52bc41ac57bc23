-- Every row with the first reason for which it is set aside, or none if it is used.
SELECT
    records.record,
    records.customer_id,
    records.amount,
    CASE
        WHEN records.customer_id IS NULL THEN 'no_customer'
        WHEN records.date IS NULL THEN 'date_unreadable'
        WHEN records.amount IS NULL THEN 'amount_unreadable'
        WHEN records.date > $observation_end THEN 'after_end'
        -- A row of zero is used on a day that is an occasion.
        WHEN records.amount < 0 OR occasions.date IS NULL THEN 'not_positive'
    END AS reason
FROM records
LEFT JOIN occasions
    ON records.customer_id = occasions.customer_id
    AND records.date = occasions.date
