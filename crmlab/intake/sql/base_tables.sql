-- The tables of a new base.
CREATE OR REPLACE TABLE base.about (
    format INTEGER,
    secret BLOB,
    key_name VARCHAR,
    key_file VARCHAR,
    plain_ids BOOLEAN,
    fold_case BOOLEAN,
    currency VARCHAR,
    zero_amount VARCHAR,
    roles VARCHAR [],
    rewrite BOOLEAN
);

CREATE OR REPLACE TABLE base.loads (
    load INTEGER,
    kind VARCHAR,
    loaded_on DATE,
    source VARCHAR,
    fingerprint VARCHAR,
    reading VARCHAR,
    records BIGINT,
    added BIGINT,
    known BIGINT,
    superseded BIGINT,
    erased BIGINT,
    set_aside BIGINT
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

CREATE OR REPLACE TABLE base.attributes (
    load INTEGER,
    record BIGINT,
    known_from DATE,
    known_until DATE,
    ended_by INTEGER,
    customer_id VARCHAR,
    valid_from DATE,
    facts MAP (VARCHAR, VARCHAR)
);

-- Until the first load says what else a row has.
CREATE OR REPLACE TABLE base.rows (
    load INTEGER,
    record BIGINT,
    known_from DATE,
    known_until DATE,
    content UHUGEINT,
    key UHUGEINT,
    customer_id VARCHAR
)
