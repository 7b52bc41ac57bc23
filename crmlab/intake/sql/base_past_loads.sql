-- What each load did, as it was told until today.
INSERT INTO base.past_loads BY NAME
SELECT
    *,
    $day AS until,
    $withdrawal AS withdrawal
FROM base.loads
WHERE load >= $load
