-- What a load told of what is judged again.
CREATE OR REPLACE TEMP TABLE told AS
SELECT * EXCLUDE (load)
FROM again
WHERE load = $load
