-- What was told otherwise is kept: until today it was what we knew.
UPDATE base.attributes AS attributes
SET known_until = $loaded_on, ended_by = $load
FROM otherwise
WHERE attributes.load = otherwise.load AND attributes.record = otherwise.record
