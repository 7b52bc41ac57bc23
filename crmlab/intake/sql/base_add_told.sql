-- What was told already, and the row that says the same.
INSERT INTO base.known BY NAME
SELECT
    $load AS load,
    record,
    first.load AS of_load,
    first.record AS of_record
FROM held
ORDER BY record
