-- In PostgreSQL, a floating-point number as plain text: 12345.0 is '12345', 1e-5 is '0.00001'.
CASE
    WHEN {x} IN ('NaN', 'Infinity', '-Infinity') THEN CAST({x} AS text)
    WHEN abs({x}) < 9e18 AND {x} = trunc({x}) THEN CAST(CAST({x} AS bigint) AS text)
    ELSE CAST(CAST({x} AS numeric) AS text)
END
