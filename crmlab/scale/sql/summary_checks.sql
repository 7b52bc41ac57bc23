-- What a summary holds, and how much of it cannot be used. (Not a number is below none.)
SELECT
    count(*) AS records,
    sum(CASE WHEN {no_customer} THEN 1 ELSE 0 END) AS no_customer,
    sum(
        CASE WHEN frequency >= 0 AND frequency < 1e9 AND floor(frequency) = frequency THEN 0 ELSE 1 END
    ) AS no_frequency,
    sum(CASE WHEN recency >= 0 AND recency <= "T" AND "T" < 1e9 THEN 0 ELSE 1 END) AS no_history,
    sum(
        CASE
            WHEN {spend_frequency} = 0 OR (
                {spend_frequency} > 0 AND floor({spend_frequency}) = {spend_frequency}
                AND monetary_value > 0 AND monetary_value < 1e300
            ) THEN 0
            ELSE 1
        END
    ) AS no_spend
FROM {source}
