-- Rows that were destroyed cannot be judged again: they go or come back with the load.
INSERT INTO base.destroyed
SELECT * REPLACE ($day AS until, $withdrawal AS withdrawal)
FROM base.destroyed
WHERE until IS NULL AND (load = $load OR ended_by = $load)
