//! The readers of tables, which belong to the program and not to the library: the same files, included by path.
#![allow(dead_code)]

#[path = "../../src/cli/input/csv.rs"]
pub mod csv;
#[path = "../../src/cli/input/json.rs"]
pub mod json;
#[path = "../../src/cli/input/npy.rs"]
pub mod npy;
#[path = "../../src/cli/input/parquet/mod.rs"]
pub mod parquet;
#[path = "../../src/cli/input/table.rs"]
pub mod table;
