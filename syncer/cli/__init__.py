"""The command line (`syncer`), for operations scripts: one file per noun."""
