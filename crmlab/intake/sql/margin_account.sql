-- How far margins are known, and what speaks against them.
SELECT
    count(*) AS rows,
    coalesce(sum(money), 0) AS money,
    count(*) FILTER (WHERE whole IS NULL) AS missing_rows,
    count(*) FILTER (WHERE whole IS NOT NULL AND kept IS NULL) AS above_rows,
    coalesce(sum(money) FILTER (WHERE kept IS NULL), 0) AS unknown_money,
    coalesce(sum(money) FILTER (WHERE kept IS NOT NULL), 0) AS spent,
    coalesce(sum(kept), 0) AS kept,
    coalesce(max(abs(whole)), 0) AS largest
FROM margin_lines
