-- How many customers have each mean spend over each number of occasions.
SELECT
    spend_frequency,
    monetary_value,
    count(*) AS "count"
FROM summary
WHERE spend_frequency > 0
GROUP BY spend_frequency, monetary_value
