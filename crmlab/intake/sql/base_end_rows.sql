-- What was superseded is kept: until today it was what we knew.
UPDATE base.rows AS rows
SET known_until = $loaded_on, ended_by = $load
FROM superseded
WHERE rows.load = superseded.load AND rows.record = superseded.record
