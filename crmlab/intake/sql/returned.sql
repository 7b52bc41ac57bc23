-- What matched returns take from the purchases of which day (`sold`), and when (`seen`).
CREATE TABLE returned AS
SELECT
    record,
    customer_id,
    DATE '1970-01-01' + sold AS sold,
    DATE '1970-01-01' + seen AS seen,
    CAST(CAST(money AS DECIMAL(18, 0)) / $scale AS DECIMAL(18, 4)) AS money,
    rows
FROM taken
