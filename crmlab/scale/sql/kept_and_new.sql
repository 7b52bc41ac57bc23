-- The kept summary with those who were touched summed up again, and everybody's T up to today.
SELECT kept.* REPLACE (
    date_diff('day', kept.first_date, $observation_end) / CAST($days_per_unit AS DOUBLE) AS "T"
)
FROM kept
ANTI JOIN touched ON kept.customer_id = touched.customer_id
UNION ALL BY NAME
SELECT *
FROM again
ORDER BY customer_id
