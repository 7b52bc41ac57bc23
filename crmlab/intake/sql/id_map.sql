-- The table of merged ids: what an id is, and the id that its customer keeps.
INSERT INTO id_map
SELECT DISTINCT
    stripped(visible(#1)),
    stripped(visible(#2))
FROM read_csv($path, all_varchar = true, header = true, null_padding = false)
