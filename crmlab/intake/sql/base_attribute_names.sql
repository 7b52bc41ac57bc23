-- What is told of anybody.
SELECT DISTINCT unnest(map_keys(facts)) AS name
FROM ({attributes}) AS attributes
WHERE known_from <= $as_of AND (known_until IS NULL OR known_until > $as_of)
ORDER BY name
