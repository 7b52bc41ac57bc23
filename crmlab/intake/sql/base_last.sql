-- The last load and withdrawal there ever were, and the day of the later of them.
SELECT
    coalesce(max(load), 0) AS load,
    coalesce(max(withdrawal), 0) AS withdrawal,
    max(day) AS day
FROM (
    SELECT load, NULL AS withdrawal, loaded_on AS day FROM base.loads
    UNION ALL
    SELECT load, withdrawal, withdrawn_on FROM base.withdrawals
)
