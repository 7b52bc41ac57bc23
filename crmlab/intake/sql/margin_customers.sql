-- What each customer spent on rows whose margin is known, and what was left of it.
SELECT
    customer_id,
    CAST(coalesce(sum(money) FILTER (WHERE kept IS NOT NULL), 0) AS DOUBLE) AS spent,
    CAST(coalesce(sum(kept), 0) AS DOUBLE) AS kept
FROM margin_lines
GROUP BY customer_id
ORDER BY customer_id
