-- What netting a customer's day cannot settle, and the most that was spent on a day.
SELECT
    coalesce(sum(CASE WHEN units < 0 THEN 1 ELSE 0 END), 0) AS below_zero,
    coalesce(max(units), 0) AS most_units
FROM (
    SELECT
        customer_id,
        day,
        sum(units) AS units
    FROM log
    GROUP BY customer_id, day
) AS days
