//! `examples/concurrency`: what it measures is what it says, and its picture is that of its README.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../../examples/concurrency/draw.rs"]
mod draw;
#[path = "../../examples/concurrency/fetching.rs"]
mod fetching;

use draw::Row;
use fetching::{Mirror, archives, as_envtool, with_threads};

#[test]
fn each_way_fetches_every_archive_and_as_many_at_a_time_as_it_is_told() {
    let latency = Duration::from_millis(20);
    let mirror = Mirror::start(archives(8, 3000), latency).unwrap();
    for at_once in [1, 4] {
        let folder = tempfile::tempdir().unwrap();
        let ways: [&dyn Fn() -> fetching::Result<()>; 2] =
            [&|| with_threads(&mirror, at_once), &|| as_envtool(&mirror, at_once, folder.path())];
        for way in ways {
            let since = Instant::now();
            way().unwrap();
            let least = latency * (8 / u32::try_from(at_once).unwrap());
            assert!(since.elapsed() >= least, "{at_once} at a time took {:?}", since.elapsed());
            assert_eq!(mirror.most_at_once(), at_once);
        }
        let sizes = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
        assert_eq!(sizes.collect::<Vec<_>>(), [3000; 8]);
    }
    assert_ne!(archives(2, 64)[0], archives(2, 64)[1]);
}

#[test]
fn the_picture_says_what_the_table_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/concurrency");
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let rows = draw::rows(&readme);
    assert_eq!(rows.iter().map(|row| row.at_once).collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 64]);
    let help = "help: cargo run --example concurrency, and its table into the README beside it";
    assert!(draw::svg(&rows) == fs::read_to_string(folder.join("times.svg")).unwrap(), "{help}");
    assert!(readme.contains(draw::HEAD) && readme.contains("](times.svg)"));
    for row in &rows {
        assert!(readme.contains(&draw::line(row, &rows[0])), "{row:?}");
    }
    let picture = draw::svg(&rows);
    for word in ["href", "url(", "<script", "@import", "<foreignObject", "<image"] {
        assert!(!picture.contains(word), "{word}");
    }
    assert!(picture.matches("://").count() == 1 && picture.contains("prefers-color-scheme:dark"));
    // Another figure is another picture, also one of a single row.
    let mut other = rows.clone();
    other[3].envtool *= 2.0;
    assert_ne!(draw::svg(&other), draw::svg(&rows));
    let one = Row { at_once: 1, threads: 1.0, envtool: 1.0 };
    assert!(!draw::svg(&[one]).contains("NaN") && !draw::svg(&[one]).contains("inf"));
    assert_eq!(draw::rows(&draw::line(&one, &one)), [one]);
}
