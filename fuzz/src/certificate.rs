//! Certificates against problems whose minima are known. Whatever is accepted must be true.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use dashu_ratio::RBig;
use icnn::Domain;
use icnn::certificate::exact::Rationals;
use icnn::certificate::file::{self, Folded, Origin, Proven};
use icnn::domain::file::DomainFile;
use icnn::load::program_json;
use icnn::load::program_json::problem::Function;

/// Model, context row, the name of domain and certificates, and the minimum: numerator and denominator.
const KNOWN: [(&str, &[f64], &str, i64, u64); 3] = [
    ("pieces.json", &[0.5], "budget", 17, 24),
    ("pieces.json", &[0.5], "learned", 11, 8),
    ("flat.json", &[], "corner", 3, 8),
];

/// A minimisation and its minimum.
struct Case {
    folded: Folded,
    minimum: RBig,
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/models"));
    let case = |(model, x, name, n, d): &(&str, &[f64], &str, i64, u64)| {
        let path = folder.join(model);
        let program = Arc::new(program_json::read(&path).expect("a program"));
        let instance = program.at(x).expect("the context fits");
        let domain =
            DomainFile::read(&folder.join(format!("{name}.domain.json")), Domain::everything(instance.decisions()));
        let domain = domain.and_then(|d| d.at(x)).expect("a domain");
        let model = file::model(&path, None, None, false).expect("a file");
        let origin = Origin { model, row: 0, context: x.to_vec(), function: Function::Network };
        let folded = Folded::new(&instance, &domain, origin).expect("it can be folded");
        let case = Case { folded, minimum: RBig::from_parts((*n).into(), (*d).into()) };
        // Without this, a case that refuses everything would go unnoticed.
        for tier in ["exact", "rigorous"] {
            let path = folder.join(format!("../corpus/certificate/{name}-{tier}"));
            let row = file::read(&path).expect("a certificate").rows.remove(0);
            assert!(file::check(&row, &case.folded).is_ok_and(|proven| holds(&proven, &case)), "{name}-{tier}");
        }
        case
    };
    KNOWN.iter().map(case).collect()
});

/// Reads a certificate and holds its rows against every case: as they are, and with the statement and hash of the case, so that
/// proofs are checked even where the statement was changed. Whether something was accepted.
pub fn certificate(bytes: &[u8]) -> bool {
    let Ok(read) = file::parse(bytes) else { return false };
    let again = file::parse(file::text(&read.rows).expect("what was read can be written").as_bytes());
    assert_eq!(again.expect("what was written can be read").rows, read.rows);
    let mut accepted = false;
    for mut row in read.rows.into_iter().take(4) {
        for case in CASES.iter() {
            accepted |= file::check(&row, &case.folded).is_ok_and(|proven| holds(&proven, case));
        }
        for case in CASES.iter() {
            row.problem = case.folded.problem.clone();
            row.network = case.folded.sha256.clone();
            accepted |= file::check(&row, &case.folded).is_ok_and(|proven| holds(&proven, case));
        }
    }
    accepted
}

/// Asserts what was accepted, and is true.
fn holds(proven: &Proven, case: &Case) -> bool {
    let (minimum, domain) = (&case.minimum, &case.folded.domain);
    match proven {
        Proven::Exact { value, y } => {
            assert_eq!(value, minimum, "accepted as the minimum");
            let y: Vec<RBig> =
                y.numerators.iter().map(|n| RBig::from_parts(n.clone(), y.denominator.clone())).collect();
            assert_eq!(y.len(), domain.dimension(), "coordinates");
            for ((y, l), u) in y.iter().zip(domain.lower()).zip(domain.upper()) {
                assert!(rational(*l) <= *y && *y <= rational(*u), "a coordinate beyond the box");
            }
            for row in domain.rows() {
                let sum: RBig = row.coefficients.iter().fold(RBig::ZERO, |sum, (j, c)| sum + rational(*c) * &y[*j]);
                assert!(row.lower == f64::NEG_INFINITY || rational(row.lower) <= sum, "below a row");
                assert!(row.upper == f64::INFINITY || sum <= rational(row.upper), "above a row");
            }
        }
        Proven::Rigorous { value, lower_bound, violation, .. } => {
            assert!(rational(*lower_bound) <= *minimum, "the bound {lower_bound} is above the minimum");
            assert!(*violation > 0.0 || rational(*value) >= *minimum, "the value {value} is below the minimum");
        }
    }
    true
}

/// A finite number as it is.
fn rational(v: f64) -> RBig {
    let parts = Rationals::of(&[v]).expect("finite");
    RBig::from_parts(parts.numerators[0].clone(), parts.denominator)
}
