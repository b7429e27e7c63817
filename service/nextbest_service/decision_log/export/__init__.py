"""The decision log as Parquet files that analysts can read: each record once, whatever was killed when."""
