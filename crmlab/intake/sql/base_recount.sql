-- What each later load did, counted again.
WITH changed AS (
    SELECT
        load,
        sum(added) AS added,
        sum(known) AS known,
        sum(superseded) AS superseded,
        sum(money) AS money
    FROM (
        SELECT * FROM after
        UNION ALL
        SELECT load, -added, -known, -superseded, -money FROM before
    )
    GROUP BY load
)

UPDATE base.loads
SET
    added = loads.added + changed.added,
    known = loads.known + changed.known,
    superseded = loads.superseded + changed.superseded,
    known_money = loads.known_money + changed.money
FROM changed
WHERE loads.load = changed.load AND loads.load > $load
