-- A floating-point number as plain text: 12345.0 is '12345', 1e-5 is '0.0000'; nan and inf stay so.
CREATE OR REPLACE MACRO memory.main.float_text(x) AS
CASE
    -- The statistics of a Parquet file leave out NaN, and from them the engine takes the next
    -- condition for true of all.
    WHEN NOT isfinite(x) THEN CAST(x AS VARCHAR)
    WHEN x = trunc(x) AND abs(x) < 1e18 THEN CAST(CAST(x AS BIGINT) AS VARCHAR)
    WHEN abs(x) < 0.001 THEN CAST(CAST(x AS DECIMAL(18, 4)) AS VARCHAR)
    ELSE CAST(x AS VARCHAR)
END
