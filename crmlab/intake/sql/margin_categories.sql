-- Categories without a margin, the one with the most money first.
SELECT
    category,
    count(*) AS rows,
    sum(money) AS money
FROM margin_lines
WHERE whole IS NULL
GROUP BY category
ORDER BY money DESC, category
