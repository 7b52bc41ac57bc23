-- Objections of people who have none standing.
INSERT INTO base.objections
SELECT
    named.customer_id,
    $day AS since,
    CAST(NULL AS DATE) AS withdrawn
FROM (SELECT DISTINCT unnest(CAST($ids AS VARCHAR [])) AS customer_id) AS named
ANTI JOIN (SELECT customer_id FROM base.objections WHERE withdrawn IS NULL) AS standing
    ON named.customer_id = standing.customer_id
