-- An empty table of text rows, for a reader that adds to it bit by bit.
CREATE TABLE source_texts (
    record BIGINT,
    line BIGINT,
    {roles}
)
