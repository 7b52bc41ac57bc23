-- Objections that no longer stand.
UPDATE base.objections
SET withdrawn = $day
WHERE withdrawn IS NULL AND list_contains(CAST($ids AS VARCHAR []), customer_id)
