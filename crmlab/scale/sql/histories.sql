-- One row a customer, in whole days and whole units of money.
SELECT
    customer_id,
    occasions,
    paid_occasions,
    -- Divided without a remainder, so that it does not matter how an engine divides.
    CAST((first_occasion - (first_occasion % 70368744177664)) / 70368744177664 AS INTEGER)
        AS first_day,
    CAST((last_occasion - (last_occasion % 70368744177664)) / 70368744177664 AS INTEGER)
        AS last_day,
    first_occasion % 70368744177664 AS first_units,
    total_units
FROM extremes
