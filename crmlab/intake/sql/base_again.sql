-- What later loads brought of it, as they brought it, to be judged again.
CREATE OR REPLACE TEMP TABLE again AS
SELECT told.* EXCLUDE (known_from, known_until, ended_by, again_from)
FROM base.{table} AS told
SEMI JOIN touched ON {matter} = touched.matter
WHERE told.load > $load
UNION ALL BY NAME
SELECT
    told.* EXCLUDE (known_from, known_until, ended_by, again_from)
    REPLACE ({place})
FROM base.known AS known
JOIN base.{table} AS told ON known.of_load = told.load AND known.of_record = told.record
SEMI JOIN touched ON {matter} = touched.matter
WHERE known.load > $load
