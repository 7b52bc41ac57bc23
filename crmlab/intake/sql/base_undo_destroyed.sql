-- What the load had corrected is no longer corrected.
UPDATE base.destroyed
SET
    again_from = $day,
    known_until = NULL,
    ended_by = NULL
WHERE until IS NULL AND ended_by = $load
