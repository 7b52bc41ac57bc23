-- What a log holds, and how much of it cannot be used.
SELECT
    count(*) AS records,
    min(CAST({date} AS DATE)) AS first_date,
    max(CAST({date} AS DATE)) AS last_date,
    sum(CASE WHEN {no_customer} THEN 1 ELSE 0 END) AS no_customer,
    count(*) - count({date}) AS no_date,
    count(*) - count({amount}) AS no_amount,
    -- Not a number is above every number, or is compared with none: either way it is caught.
    sum(
        CASE
            WHEN abs(CAST({amount} AS DOUBLE)) * {units} < 70368744177664
                THEN 0
            ELSE 1
        END
    ) AS amount_not_carried,
    sum(
        CASE
            WHEN
                CAST({date} AS DATE) < DATE '1900-01-01' OR CAST({date} AS DATE) > DATE '2200-12-31'
                THEN 1
            ELSE 0
        END
    ) AS date_out_of_range,
    sum(CASE WHEN CAST({date} AS DATE) > DATE '{observation_end}' THEN 1 ELSE 0 END) AS after_end,
    sum(CASE WHEN {amount} < 0 THEN 1 ELSE 0 END) AS returns,
    sum(abs(CAST({amount} AS DOUBLE))) * {units} AS turnover_units
FROM {source}
