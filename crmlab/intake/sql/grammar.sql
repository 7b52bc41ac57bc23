-- How text is understood. These run on the distinct texts of a column, not on every row.
-- Format characters (zero-width ones, soft hyphens, marks of direction) show nothing.
CREATE OR REPLACE MACRO visible(t) AS regexp_replace(t, '\p{Cf}', '', 'g');

CREATE OR REPLACE MACRO stripped(t) AS
    regexp_replace(regexp_replace(t, '^[\s\pZ]+', ''), '[\s\pZ]+$', '');

-- Without case, accents and doubled blanks: for comparison with lists of words.
CREATE OR REPLACE MACRO plain_words(t) AS
    regexp_replace(strip_accents(lower(stripped(visible(t)))), '[\s\pZ]+', ' ', 'g');

-- The day and the time of day in one text: the time starts one or two digits before the colon.
CREATE OR REPLACE MACRO time_start(t) AS
    CASE
        WHEN strpos(t, ':') = 0 THEN NULL
        WHEN substr(t, strpos(t, ':') - 2, 1) IN (' ', 'T', 't') THEN strpos(t, ':') - 2
        ELSE strpos(t, ':') - 3
    END;

CREATE OR REPLACE MACRO day_part(t) AS
    CASE WHEN strlen(t) <= 10 OR strpos(t, ':') = 0 THEN t ELSE substr(t, 1, time_start(t) - 1) END;

CREATE OR REPLACE MACRO time_part(t) AS
    CASE WHEN strlen(t) > 10 AND strpos(t, ':') > 0 THEN substr(t, time_start(t)) END;

CREATE OR REPLACE MACRO month_number(word) AS
    MAP {
        'jan': 1, 'january': 1, 'ene': 1, 'enero': 1, 'feb': 2, 'february': 2, 'febrero': 2,
        'mar': 3, 'march': 3, 'marzo': 3, 'apr': 4, 'april': 4, 'abr': 4, 'abril': 4, 'may': 5,
        'mayo': 5, 'jun': 6, 'june': 6, 'junio': 6, 'jul': 7, 'july': 7, 'julio': 7, 'aug': 8,
        'august': 8, 'ago': 8, 'agosto': 8, 'sep': 9, 'sept': 9, 'september': 9, 'set': 9,
        'septiembre': 9, 'setiembre': 9, 'oct': 10, 'october': 10, 'octubre': 10, 'nov': 11,
        'november': 11, 'noviembre': 11, 'dec': 12, 'december': 12, 'dic': 12, 'diciembre': 12
    }[word];

-- A year of two digits: 69 to 99 are 1969 to 1999, as POSIX has it.
CREATE OR REPLACE MACRO full_year(y) AS
    CASE WHEN y > 99 THEN y WHEN y >= 69 THEN 1900 + y ELSE 2000 + y END;

-- Numbers of this form are dates in files of programs that count days or seconds.
CREATE OR REPLACE MACRO is_number(t) AS regexp_full_match(t, '[+-]?\d+([.,]\d+)?');

-- A number with its decimals behind a point, or behind a comma; NULL if it is not written so.
CREATE OR REPLACE MACRO with_point(body) AS
    CASE
        WHEN regexp_full_match(body, '\d+(\.\d+)?') THEN body
        WHEN regexp_full_match(
            body,
            '[1-9]\d{0,2}((,\d{3})+|( \d{3})+|(\x{A0}\d{3})+|(\x{202F}\d{3})+|(\x{2009}\d{3})+|(''\d{3})+|(\x{2019}\d{3})+)(\.\d+)?'
        ) THEN regexp_replace(body, '[^0-9.]', '', 'g')
    END;

CREATE OR REPLACE MACRO with_comma(body) AS
    CASE
        WHEN regexp_full_match(body, '\d+(,\d+)?') THEN replace(body, ',', '.')
        WHEN regexp_full_match(
            body,
            '[1-9]\d{0,2}((\.\d{3})+|( \d{3})+|(\x{A0}\d{3})+|(\x{202F}\d{3})+|(\x{2009}\d{3})+|(''\d{3})+|(\x{2019}\d{3})+)(,\d+)?'
        ) THEN replace(regexp_replace(body, '[^0-9,]', '', 'g'), ',', '.')
    END;

CREATE OR REPLACE MACRO has_control(t) AS regexp_matches(t, '\p{Cc}');

-- Quantity times price, exact until it is carried with four decimals. Of two numbers with at most
-- two decimals it needs no more than 64 bits, and is twenty times as quick.
CREATE OR REPLACE MACRO product(quantity, price) AS
    CASE
        WHEN TRY_CAST(quantity AS DECIMAL(9, 2)) = quantity
            AND TRY_CAST(price AS DECIMAL(9, 2)) = price
            THEN TRY_CAST(quantity AS DECIMAL(9, 2)) * TRY_CAST(price AS DECIMAL(9, 2))
        ELSE TRY_CAST(quantity * CAST(price AS DECIMAL(20, 6)) AS DECIMAL(18, 4))
    END;
