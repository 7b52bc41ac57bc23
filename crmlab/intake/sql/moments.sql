-- What each text for a date means: the day, the second of the day if told, why it cannot be read.
CREATE TABLE moments AS
SELECT
    moment_texts.text,
    {date} AS date,
    {reason} AS reason,
    {seconds} AS seconds
FROM moment_texts
{joins}
