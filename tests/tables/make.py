"""Writes the Parquet files of this folder: `python make.py` with numpy, pandas, polars and pyarrow.

Every file holds the same 5 rows of 4 numbers (those of numbers.json) unless its name says otherwise; its name says who wrote
it, and what is special about it.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
ROWS = [[0, 1.5, -2, 3], [1, -0.25, 100, 3], [1, 1e10, -7, 3], [0, 0.5, 0, 200], [1, -1.5, 5, 3]]
A, B, C, D = (list(column) for column in zip(*ROWS))

(HERE / "numbers.json").write_text(json.dumps(ROWS) + "\n")


def write(name, table, **options):
    pq.write_table(table, HERE / f"{name}.parquet", **options)


def typed(a, b, c, d):
    return pa.table(
        {
            "a": pa.array([bool(v) for v in A] if a == pa.bool_() else A, a),
            "b": pa.array(B, b),
            "c": pa.array([int(v) for v in C], c),
            "d": pa.array([int(v) for v in D], d),
        }
    )


MIXED = typed(pa.bool_(), pa.float32(), pa.int64(), pa.uint8())
write("pyarrow-mixed-snappy", MIXED)
write("pyarrow-mixed-zstd", MIXED, compression="zstd")
write("pyarrow-mixed-none", MIXED, compression="none")
write("pyarrow-mixed-v2-pages", MIXED, data_page_version="2.0", use_dictionary=False)
write("pyarrow-small-integers", typed(pa.int8(), pa.float64(), pa.int16(), pa.uint16()))
write("pyarrow-dictionary", typed(pa.float64(), pa.float64(), pa.int32(), pa.uint32()), use_dictionary=True)
write("pyarrow-plain-groups-of-2", typed(pa.int32(), pa.float32(), pa.int64(), pa.uint64()), use_dictionary=False, row_group_size=2)
write(
    "pyarrow-delta-and-split",
    typed(pa.int32(), pa.float64(), pa.int64(), pa.uint64()),
    use_dictionary=False,
    column_encoding={"a": "DELTA_BINARY_PACKED", "b": "BYTE_STREAM_SPLIT", "c": "DELTA_BINARY_PACKED", "d": "DELTA_BINARY_PACKED"},
)
write("pyarrow-list", pa.table({"e": pa.array(ROWS, pa.list_(pa.float64()))}))
write("pyarrow-large-list", pa.table({"e": pa.array(ROWS, pa.large_list(pa.float32()))}))
write("pyarrow-fixed-size-list", pa.table({"e": pa.array(ROWS, pa.list_(pa.float64(), 4))}))
write(
    "pyarrow-number-list-number",
    pa.table({"a": A, "e": pa.array([[b, c] for b, c in zip(B, C)], pa.list_(pa.float64())), "d": D}),
)
write("pyarrow-list-of-lists", pa.table({"e": pa.array([[row[:2], row[2:]] for row in ROWS], pa.list_(pa.list_(pa.float64())))}))
HALF = [[0, 1.5, -2, 3], [1, -0.25, 100, 3]]
write("pyarrow-half-2-rows", pa.table({k: pa.array(np.array(c, np.float16)) for k, c in zip("abcd", zip(*HALF))}))

frame = pd.DataFrame({"a": np.array(A, bool), "b": np.array(B, np.float32), "c": np.array(C, np.int64), "d": np.array(D, np.uint8)})
frame.to_parquet(HERE / "pandas.parquet")
frame.set_index(pd.Index([7, 5, 3, 1, 9])).to_parquet(HERE / "pandas-index.parquet")
pd.DataFrame({"e": [np.array(row) for row in ROWS]}).to_parquet(HERE / "pandas-embedding.parquet")
pd.DataFrame(np.array(ROWS)).to_parquet(HERE / "pandas-counted.parquet")

columns = {"a": [bool(v) for v in A], "b": B, "c": [int(v) for v in C], "d": [int(v) for v in D]}
schema = {"a": pl.Boolean, "b": pl.Float32, "c": pl.Int64, "d": pl.UInt8}
pl.DataFrame(columns, schema=schema).write_parquet(HERE / "polars.parquet")
pl.DataFrame({"e": ROWS}, schema={"e": pl.List(pl.Float32)}, strict=False).write_parquet(HERE / "polars-list.parquet")
pl.DataFrame({"e": np.array(ROWS)}).write_parquet(HERE / "polars-array.parquet")
pl.DataFrame(columns, schema=schema).write_parquet(HERE / "polars-uncompressed.parquet", compression="uncompressed")

# One number for each row, constant: a few hundred bytes for 100 000 rows of 4.
pl.DataFrame({k: np.full(100_000, v) for k, v in zip("abcd", ROWS[0])}).write_parquet(HERE / "polars-constant-100000-rows.parquet")

write("null-bound-1-row", pa.table({"a": [-1.0], "b": [-1.0], "c": pa.array([None], pa.float64()), "d": [-1]}))

# Refused.
write("bad-null", pa.table({"a": A, "b": [1.5, None, 1e10, None, -1.5], "c": C, "d": D}))
write("bad-null-entry", pa.table({"e": pa.array([[1, 2, 3, 4], [1, 2, None, 4]], pa.list_(pa.float64()))}))
write("bad-null-list", pa.table({"e": pa.array([[1, 2, 3, 4], None], pa.list_(pa.float64()))}))
write("bad-empty-list", pa.table({"e": pa.array([[1, 2, 3, 4], []], pa.list_(pa.float64()))}))
write("bad-ragged", pa.table({"e": pa.array([[1, 2, 3, 4], [1, 2, 3]], pa.list_(pa.float64()))}))
write("bad-structure", pa.table({"a": A, "s": [{"x": 1.0, "y": 2.0}] * 5}))
write("bad-thin-structure", pa.table({"a": A, "s": [{"x": 1.0}] * 5}))
write("bad-map", pa.table({"m": pa.array([[("x", 1.0)]] * 5, pa.map_(pa.string(), pa.float64()))}))
write("bad-text", pa.table({"a": A, "name": list("vwxyz")}))
write("bad-bytes", pa.table({"a": A, "blob": [b"x"] * 5}))
write("bad-decimal", pa.table({"a": A, "price": pa.array([1, 2, 3, 4, 5], pa.int32()).cast(pa.decimal128(12, 2))}))
write("bad-date", pa.table({"a": A, "day": pa.array([1, 2, 3, 4, 5], pa.date32())}))
write("bad-time", pa.table({"a": A, "when": pa.array([1, 2, 3, 4, 5], pa.timestamp("us"))}))
write("bad-no-rows", MIXED.slice(0, 0))
write("bad-no-columns", pa.table({}))
write("bad-nan", pa.table({"a": A, "b": B, "c": [0, 1, 2, float("nan"), 4], "d": D}))
write("bad-infinite", pa.table({"a": A, "b": B, "c": C, "d": [0, 1, float("inf"), 3, 4]}))
write("bad-width", pa.table({"a": A, "b": B, "c": C}))
write("bad-gzip", MIXED, compression="gzip")
# More numbers than a file of its size may hold.
pl.DataFrame({k: np.full(2_100_000, 1.5) for k in "abcd"}).write_parquet(HERE / "bad-packed.parquet")
