-- The tables of a new base. What a withdrawal ends is kept in the past_ tables, for base@DAY:
-- `again_from` is the day since which a row is judged so, where a withdrawal judged it again.
CREATE OR REPLACE TABLE base.about (
    format INTEGER,
    secret BLOB,
    key_name VARCHAR,
    key_file VARCHAR,
    plain_ids BOOLEAN,
    fold_case BOOLEAN,
    rewrite BOOLEAN
);

CREATE OR REPLACE TABLE base.loads (
    load INTEGER,
    kind VARCHAR,
    loaded_on DATE,
    source VARCHAR,
    fingerprint VARCHAR,
    reading VARCHAR,
    roles VARCHAR [],
    currency VARCHAR,
    zero_amount VARCHAR,
    records BIGINT,
    added BIGINT,
    known BIGINT,
    superseded BIGINT,
    erased BIGINT,
    set_aside BIGINT,
    money DECIMAL(38, 4),
    known_money DECIMAL(38, 4),
    erased_money DECIMAL(38, 4),
    again_from DATE
);

CREATE OR REPLACE TABLE base.past_loads AS
SELECT
    *,
    CAST(NULL AS DATE) AS until,
    CAST(NULL AS INTEGER) AS withdrawal
FROM base.loads;

CREATE OR REPLACE TABLE base.withdrawals (
    withdrawal INTEGER,
    load INTEGER,
    withdrawn_on DATE,
    reason VARCHAR
);

CREATE OR REPLACE TABLE base.objections (
    customer_id VARCHAR,
    since DATE,
    withdrawn DATE
);

CREATE OR REPLACE TABLE base.blocks (
    customer_id VARCHAR,
    blocked_on DATE
);

CREATE OR REPLACE TABLE base.erasures (
    digest VARCHAR,
    blocked_on DATE,
    destroyed_on DATE,
    live BIGINT,
    ended BIGINT,
    attributes BIGINT
);

-- Sums over all people who were destroyed, so that loads add up; nobody's own.
CREATE OR REPLACE TABLE base.destroyed (
    load INTEGER,
    known_from DATE,
    known_until DATE,
    ended_by INTEGER,
    again_from DATE,
    until DATE,
    withdrawal INTEGER,
    rows BIGINT,
    money DECIMAL(38, 4)
);

CREATE OR REPLACE TABLE base.attributes (
    load INTEGER,
    record BIGINT,
    known_from DATE,
    known_until DATE,
    ended_by INTEGER,
    again_from DATE,
    customer_id VARCHAR,
    valid_from DATE,
    facts MAP (VARCHAR, VARCHAR)
);

CREATE OR REPLACE TABLE base.past_attributes AS
SELECT
    *,
    CAST(NULL AS DATE) AS until,
    CAST(NULL AS INTEGER) AS withdrawal
FROM base.attributes;

-- Until the first load says what else a row has.
CREATE OR REPLACE TABLE base.rows (
    load INTEGER,
    record BIGINT,
    line BIGINT,
    known_from DATE,
    known_until DATE,
    ended_by INTEGER,
    again_from DATE,
    content UHUGEINT,
    key UHUGEINT,
    original MAP (VARCHAR, VARCHAR),
    customer_id VARCHAR,
    date DATE,
    amount DECIMAL(18, 4),
    reason VARCHAR
);

CREATE OR REPLACE TABLE base.past_rows AS
SELECT
    *,
    CAST(NULL AS DATE) AS until,
    CAST(NULL AS INTEGER) AS withdrawal
FROM base.rows;

-- What a load brought that was known already, and the row (of rows or attributes) that says it.
CREATE OR REPLACE TABLE base.known (
    load INTEGER,
    record BIGINT,
    line BIGINT,
    of_load INTEGER,
    of_record BIGINT
)
