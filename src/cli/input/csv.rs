//! CSV: numbers separated by commas, one row a line; a first line that does not begin with a number is a header.

use csv::{ReaderBuilder, StringRecord};

use super::table::{Layout, Names, Table};

/// Reads CSV text. An empty cell stands for `blank` where that is given.
pub fn read(bytes: &[u8], blank: Option<f64>) -> Result<Table, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let (mut values, mut widths) = (vec![], vec![]);
    let mut record = StringRecord::new();
    let mut names = Names::default();
    let mut first = true;
    while reader.read_record(&mut record).map_err(|e| e.to_string())? {
        if std::mem::take(&mut first) && is_header(&record) {
            names.0 = record.iter().map(|name| (name.to_string(), None)).collect();
            continue;
        }
        let line = record.position().map_or(0, csv::Position::line);
        for (k, cell) in record.iter().enumerate() {
            let at = || format!("line {line}, column {}{}", k + 1, names.hint(k));
            values.push(match (cell.parse::<f64>(), blank) {
                (Ok(v), _) => v,
                (Err(_), Some(v)) if cell.is_empty() => v,
                (Err(_), _) if cell.is_empty() => return Err(format!("{} is empty", at())),
                (Err(_), _) => return Err(format!("{}: \"{cell}\" is not a number", at())),
            });
        }
        widths.push(record.len());
    }
    Ok(Table { values, layout: Layout::Rows(widths), names })
}

/// Whether the first cell that is not empty is no number.
fn is_header(record: &StringRecord) -> bool {
    record.iter().find(|c| !c.is_empty()).is_some_and(|c| c.parse::<f64>().is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read() {
        let read = |text: &str, blank| super::read(text.as_bytes(), blank).map(|t| (t.values, t.layout));
        let two = (vec![1.0, 2.0, 3.0, -4e-1], Layout::Rows(vec![2, 2]));
        assert_eq!(read("1,2\n3,-4e-1\n", None), Ok(two));
        assert_eq!(read("\u{feff}a, b\r\n1, 2\r\n\r\n", None), Ok((vec![1.0, 2.0], Layout::Rows(vec![2]))));
        let infinite = (vec![f64::NEG_INFINITY, 1.0, f64::INFINITY], Layout::Rows(vec![3]));
        assert_eq!(read(",1,inf", Some(f64::NEG_INFINITY)), Ok(infinite));
        assert_eq!(read("a,b\n1,2\n3,", None), Err("line 3, column 2 (\"b\") is empty".into()));
        assert_eq!(read("1,x", None), Err("line 1, column 2: \"x\" is not a number".into()));
        assert_eq!(read("", None), Ok((vec![], Layout::Rows(vec![]))));
        assert!(super::read(b"1,\xff", None).is_err());
    }
}
