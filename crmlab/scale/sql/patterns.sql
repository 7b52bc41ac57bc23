-- How many customers have each history: all that a purchase model needs to know.
SELECT
    frequency,
    recency,
    "T",
    count(*) AS "count"
FROM summary
GROUP BY frequency, recency, "T"
