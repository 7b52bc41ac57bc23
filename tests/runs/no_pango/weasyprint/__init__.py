raise OSError("cannot load library libpango-1.0-0")
