-- What is not used.
SELECT *
FROM judged
WHERE reason IS NOT NULL
