-- Physical records that could not be split into fields, with their raw text.
CREATE TABLE source_faults (
    record BIGINT,
    line BIGINT,
    reason VARCHAR,
    text VARCHAR
)
