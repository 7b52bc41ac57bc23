-- The rows of a snapshot as sums of the halves of their hashes, so that no order matters.
SELECT
    coalesce(reason, '') AS reason,
    count(*) AS rows,
    coalesce(sum(CAST(content & 18446744073709551615 AS UBIGINT)), 0) AS low,
    coalesce(sum(CAST(content >> 64 AS UBIGINT)), 0) AS high
FROM snapshot
GROUP BY ALL
ORDER BY reason
