-- Tables and views that this user may read, and whether their names need no schema.
SELECT
    n.nspname,
    c.relname,
    pg_table_is_visible(c.oid)
FROM pg_class AS c
JOIN pg_namespace AS n ON c.relnamespace = n.oid
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f')
    AND NOT c.relispartition
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    AND n.nspname NOT LIKE 'pg\_temp%'
    AND has_table_privilege(c.oid, 'SELECT')
ORDER BY n.nspname, c.relname
