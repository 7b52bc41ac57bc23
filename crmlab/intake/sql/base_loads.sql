-- All loads there ever were, and what became of those that were withdrawn.
SELECT
    every.*,
    withdrawals.withdrawn_on,
    withdrawals.reason
FROM (
    SELECT load, kind, loaded_on, source, fingerprint, records, added, known, superseded, erased
    FROM base.loads
    UNION ALL
    SELECT load, kind, loaded_on, source, fingerprint, records, added, known, superseded, erased
    FROM base.past_loads
    SEMI JOIN base.withdrawals AS ended
        ON past_loads.load = ended.load AND past_loads.withdrawal = ended.withdrawal
) AS every
LEFT JOIN base.withdrawals AS withdrawals ON every.load = withdrawals.load
ORDER BY every.load
