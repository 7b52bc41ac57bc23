-- What the base was not told yet.
INSERT INTO base.attributes BY NAME
SELECT
    $load AS load,
    $loaded_on AS known_from,
    $again_from AS again_from,
    told.*
FROM told
ANTI JOIN held ON told.record = held.record
ORDER BY told.record
