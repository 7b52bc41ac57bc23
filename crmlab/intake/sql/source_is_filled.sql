-- Whether the source holds any record.
SELECT
    EXISTS (FROM source_rows) OR EXISTS (FROM source_faults) AS filled
