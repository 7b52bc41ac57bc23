-- What later loads did is told anew from today.
UPDATE base.loads
SET again_from = $day
WHERE load > $load
