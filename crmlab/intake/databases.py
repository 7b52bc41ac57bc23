def is_named(s): return isinstance(s,str) and s.startswith('postgres:')
