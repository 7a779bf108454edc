"""A company's own customer database, reached by any SQLAlchemy URL and described by `mappings/sql.toml` alone (R15)."""
