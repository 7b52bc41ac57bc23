-- Every customer with the scores of its history, its expected spend and its value.
-- spend_model has one row: Gamma-Gamma's p, q and v, and the margin.
SELECT
    {summary_columns},
    p_alive,
    expected_purchases,
    det,
    survival_next_quarter,
    expected_life,
    expected_spend,
    margin * det * expected_spend AS residual_clv,
    margin * det * expected_spend * (1 - survival_next_quarter) AS value_at_risk
FROM (
    SELECT
        summary.*,
        pattern_scores.p_alive,
        pattern_scores.expected_purchases,
        pattern_scores.det,
        pattern_scores.survival_next_quarter,
        pattern_scores.expected_life,
        spend_model.margin,
        -- Posterior mean spend an occasion (Fader & Hardie 2013, eq. 5); the mean for newcomers.
        spend_model.p * (
            spend_model.v + CASE
                WHEN summary.spend_frequency > 0
                    THEN summary.spend_frequency * summary.monetary_value
                ELSE 0
            END
        ) / (spend_model.p * summary.spend_frequency + spend_model.q - 1) AS expected_spend
    FROM summary
    INNER JOIN pattern_scores
        ON
            summary.frequency = pattern_scores.frequency
            AND summary.recency = pattern_scores.recency
            AND summary."T" = pattern_scores."T"
    CROSS JOIN spend_model
) AS spent
