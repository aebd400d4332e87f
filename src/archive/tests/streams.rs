//! Archives that are damaged, or that two readers could read differently.

use super::{LIMITS, bad, foo, good, gzip, tar};
use crate::archive::read_crate;
use crate::digest::Digest;

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    // CVE-2025-62518: the header says 0 bytes, PAX says 512, and the data is a header of its own.
    let inner = tar().file("foo-1.0.0/hidden", b"").0;
    let smuggled =
        tar().pax(b'x', &[("size", "512")]).entry(b'0', b"foo-1.0.0/x", &inner, |header| header.set_size(0));
    bad(&smuggled.end(), "has two sizes");
    let other_way = tar().pax(b'x', &[("size", "0")]).file("foo-1.0.0/x", &inner);
    bad(&other_way.end(), "has two sizes");
    bad(&tar().pax(b'x', &[("size", "-1")]).file("foo-1.0.0/x", b"x").end(), "no readable size");
    good(&tar().pax(b'x', &[("size", "1")]).file("foo-1.0.0/x", b"x").end());

    let path = |name: &str| tar().pax(b'x', &[("path", name)]).file("foo-1.0.0/x", b"x").end();
    bad(&path("foo-1.0.0/../../x"), "`..`");
    bad(&path("/x"), "is absolute");
    assert!(good(&path("foo-1.0.0/y")).files.contains_key("y"));
    let twice = tar().pax(b'x', &[("path", "foo-1.0.0/a"), ("path", "foo-1.0.0/b")]).file("foo-1.0.0/x", b"");
    bad(&twice.end(), "names one entry twice");
    let both = tar().long_name(b"foo-1.0.0/a").pax(b'x', &[("path", "foo-1.0.0/b")]).file("foo-1.0.0/x", b"");
    bad(&both.end(), "names one entry twice");

    bad(&tar().entry(b'x', b"pax", b"99 path=x\n", |_| {}).file("foo-1.0.0/x", b"").end(), "damaged");
    bad(&tar().pax(b'x', &[("GNU.sparse.major", "1")]).file("foo-1.0.0/x", b"").end(), "sparse");
    bad(&tar().pax(b'g', &[("path", "foo-1.0.0/y")]).file("foo-1.0.0/x", b"").end(), "global PAX");
    bad(&tar().pax(b'g', &[("size", "0")]).file("foo-1.0.0/x", b"").end(), "global PAX");
    let global = tar().pax(b'g', &[("comment", "0123abc")]).file("foo-1.0.0/x", b"x");
    assert_eq!(good(&global.end()).files.len(), 1);
    bad(&tar().file("foo-1.0.0/x", b"x").long_name(b"foo-1.0.0/y").end(), "between a long name and its file");
    bad(&tar().entry(b'5', b"foo-1.0.0/d", &inner, |_| {}).end(), "a folder that holds data");
    bad(
        &tar()
            .entry(b'0', b"foo-1.0.0/x", b"", |h| {
                h.as_mut_bytes()[124..136].fill(b'z');
            })
            .end(),
        "no readable size",
    );
}

fn flipped(archive: &[u8], at: usize) -> Vec<u8> {
    let mut flipped = archive.to_owned();
    flipped[at] ^= 0x10;
    flipped
}

#[test]
fn damaged_archives_are_refused() {
    let noise: Vec<u8> =
        (0..5000_u32).flat_map(|n| Digest::of(&n.to_le_bytes()).to_string().into_bytes()).collect();
    let whole = tar().file("foo-1.0.0/x", &noise).end();
    assert_eq!(good(&whole).files.len(), 1);
    bad(b"", "it ends in the middle");
    for cut in [1, 9, 10, 11, 500, whole.len() / 2, whole.len() - 9, whole.len() - 8, whole.len() - 1] {
        bad(&whole[..cut], "it ends in the middle");
    }
    // A flipped bit shows, or had no meaning: a time in gzip's header, the code of a symbol that is never used.
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let read = read_crate(&flipped(&whole, at)[..], &foo(), &LIMITS);
        assert!(read.is_err() || read.ok() == Some(good(&whole)), "byte {at}");
    }
    for at in whole.len() - 8..whole.len() {
        bad(&flipped(&whole, at), "it is damaged");
    }
    bad(b"PK\x03\x04 this is a zip, or says so", "it is not gzip");
    bad(&gzip(&noise), "it is no tar archive");
    bad(&gzip(b"short"), "it ends in the middle");
    bad(&gzip(b""), "it ends in the middle");
    bad(&gzip(&[0; 1024]), "it holds no file");
    bad(&tar().folder("foo-1.0.0/").end(), "it holds no file");
}

#[test]
fn an_archive_ends_where_it_says() {
    let plain = || tar().file("foo-1.0.0/x", b"x");
    let mut garbage = plain().end();
    garbage.extend_from_slice(b"garbage");
    bad(&garbage, "behind its compressed stream");
    // A second member of gzip, which some readers join to the first.
    let mut member = plain().end();
    member.extend_from_slice(&tar().file("foo-1.0.0/y", b"y").end());
    bad(&member, "behind its compressed stream");
    let mut more = plain();
    more.0.extend_from_slice(&[0; 1024]);
    bad(&more.file("foo-1.0.0/y", b"y").end(), "goes on behind its end");
    let mut single = plain();
    single.0.extend_from_slice(&[0; 512]);
    bad(&single.file("foo-1.0.0/y", b"y").end(), "a single empty block");
    let whole = plain().0;
    bad(&gzip(&whole), "it ends in the middle");
    bad(&gzip(&whole[..600]), "it ends in the middle");
    bad(&gzip(&[&whole[..], &[0; 512]].concat()), "it ends in the middle");
    good(&gzip(&[&whole[..], &[0; 10_240]].concat()));
}
