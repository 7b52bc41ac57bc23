-- What matched returns take from the purchases of which day (`sold`), and when (`seen`). From which
-- of them (`sale`) is known where the product is.
CREATE TABLE returned AS
SELECT
    taken.record,
    taken.customer_id,
    DATE '1970-01-01' + sold AS sold,
    DATE '1970-01-01' + seen AS seen,
    CAST(CAST(money AS DECIMAL(18, 0)) / $scale AS DECIMAL(18, 4)) AS money,
    rows,
    CASE WHEN {known} THEN sale END AS sale
FROM taken
JOIN records ON taken.record = records.record
