-- From the load on, no correction was made.
UPDATE base.{table} AS told
SET
    again_from = $day,
    known_until = CASE WHEN ended_by < $load THEN known_until END,
    ended_by = CASE WHEN ended_by < $load THEN ended_by END
FROM touched
WHERE {matter} = touched.matter
