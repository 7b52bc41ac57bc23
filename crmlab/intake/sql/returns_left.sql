-- Returns that take nothing from any purchase.
INSERT INTO set_aside
SELECT record, $reason
FROM records
ANTI JOIN returned ON records.record = returned.record
ANTI JOIN set_aside ON records.record = set_aside.record
WHERE reason IS NULL AND amount < 0
