-- What a load brought of what is judged again.
CREATE OR REPLACE TEMP TABLE incoming AS
SELECT
    * EXCLUDE (load),
    row_number() OVER (PARTITION BY content ORDER BY record) AS nth
FROM again
WHERE load = $load
