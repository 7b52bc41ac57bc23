-- The last days of contracts join the first ones, so that one form of dates is proved for both.
INSERT INTO source_rows (record, date)
SELECT
    record + $records,
    last_date
FROM source_rows
WHERE stripped(visible(last_date)) != ''
