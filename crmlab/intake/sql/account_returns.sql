-- Returns seen so far: those that lower a purchase, and those that do not.
SELECT
    (SELECT count(DISTINCT record) FROM returned WHERE seen <= $observation_end) AS matched_rows,
    (SELECT coalesce(sum(money), 0) FROM returned WHERE seen <= $observation_end) AS matched_money,
    count(*) AS unmatched_rows,
    coalesce(sum(money), 0) AS unmatched_money
FROM aside
WHERE reason IN ('return_without_purchase', 'return_dropped')
