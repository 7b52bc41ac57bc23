-- That somebody was erased, and not who.
INSERT INTO base.erasures BY NAME
SELECT
    $digest AS digest,
    $blocked_on AS blocked_on,
    $destroyed_on AS destroyed_on,
    $live AS live,
    $ended AS ended,
    $attributes AS attributes
