//! What cures a failed build: tables of known causes, and how each is recognised.
//!
//! The libraries are found by what the log names: a crate whose build script failed, a `.pc` file that pkg-config
//! misses, a `-l` that a linker does. Debian's names were looked up in bookworm.

/// Libraries: name | crates, `.pc` files and `-l` names (a `*` at the end stands for more) | Debian | Fedora | Homebrew.
const LIBRARIES: &str = "\
OpenSSL | openssl-sys openssl libssl libcrypto ssl crypto | libssl-dev | openssl-devel | openssl@3
zlib | libz-sys zlib z | zlib1g-dev | zlib-devel | zlib
libssh2 | libssh2-sys libssh2 ssh2 | libssh2-1-dev | libssh2-devel | libssh2
libgit2 | libgit2-sys libgit2 git2 | libgit2-dev | libgit2-devel | libgit2
curl | curl-sys libcurl curl | libcurl4-openssl-dev | libcurl-devel | curl
SQLite | libsqlite3-sys sqlite3 | libsqlite3-dev | sqlite-devel | sqlite
udev | libudev-sys libudev udev | libudev-dev | systemd-devel |
ALSA | alsa-sys alsa asound | libasound2-dev | alsa-lib-devel |
D-Bus | libdbus-sys dbus-1 | libdbus-1-dev | dbus-devel | dbus
GLib | glib-sys gobject-sys gio-sys gmodule-sys glib-2.0 gobject-2.0 gio-2.0 gio-unix-2.0 gmodule-2.0 | libglib2.0-dev | glib2-devel | glib
GTK 3 | gtk-sys gdk-sys gdkx11-sys gdkwayland-sys gtk+-3.0 gdk-3.0 gdk-x11-3.0 gdk-wayland-3.0 gtk-3 gdk-3 | libgtk-3-dev | gtk3-devel | gtk+3
GTK 4 | gtk4-sys gdk4* gsk4-sys gtk4* gtk-4 | libgtk-4-dev | gtk4-devel | gtk4
libadwaita | libadwaita-sys libadwaita-1 adwaita-1 | libadwaita-1-dev | libadwaita-devel | libadwaita
cairo | cairo-sys-rs cairo cairo-gobject cairo-gobject-sys | libcairo2-dev | cairo-devel cairo-gobject-devel | cairo
Pango | pango-sys pangocairo-sys pango* | libpango1.0-dev | pango-devel | pango
ATK | atk-sys atk atk-1.0 | libatk1.0-dev | atk-devel | at-spi2-core
GdkPixbuf | gdk-pixbuf-sys gdk-pixbuf-2.0 gdk_pixbuf-2.0 | libgdk-pixbuf-2.0-dev | gdk-pixbuf2-devel | gdk-pixbuf
Graphene | graphene-sys graphene-1.0 graphene-gobject-1.0 | libgraphene-1.0-dev | graphene-devel | graphene
Fontconfig | fontconfig-sys yeslogic-fontconfig-sys servo-fontconfig-sys fontconfig | libfontconfig-dev | fontconfig-devel | fontconfig
FreeType | freetype-sys servo-freetype-sys freetype2 freetype | libfreetype-dev | freetype-devel | freetype
Xlib | x11 x11-dl X11 xlib | libx11-dev | libX11-devel | libx11
XTest | xtst Xtst | libxtst-dev | libXtst-devel | libxtst
XInput | xi Xi | libxi-dev | libXi-devel | libxi
Xcursor | xcursor Xcursor | libxcursor-dev | libXcursor-devel | libxcursor
XRandR | xrandr Xrandr | libxrandr-dev | libXrandr-devel | libxrandr
XCB | xcb xcb-* | libxcb1-dev libxcb-render0-dev libxcb-shape0-dev libxcb-xfixes0-dev | libxcb-devel | libxcb
xkbcommon | xkbcommon-sys xkbcommon* | libxkbcommon-dev libxkbcommon-x11-dev | libxkbcommon-devel libxkbcommon-x11-devel | libxkbcommon
Wayland | wayland-sys wayland-* | libwayland-dev | wayland-devel |
libusb | libusb1-sys libusb-1.0 usb-1.0 | libusb-1.0-0-dev | libusb1-devel | libusb
libpq | pq-sys libpq pq | libpq-dev | libpq-devel | libpq
libmysqlclient | mysqlclient-sys mysqlclient libmariadb mariadb mariadbclient | default-libmysqlclient-dev | mariadb-connector-c-devel | mysql-client
libclang | clang-sys clang | libclang-dev | clang-devel | llvm
LLVM | llvm-sys | llvm-dev | llvm-devel | llvm
Zstandard | zstd-sys libzstd zstd | libzstd-dev | libzstd-devel | zstd
liblzma | lzma-sys liblzma-sys liblzma lzma | liblzma-dev | xz-devel | xz
bzip2 | bzip2-sys bzip2 bz2 | libbz2-dev | bzip2-devel | bzip2
RocksDB | librocksdb-sys rocksdb | librocksdb-dev libclang-dev | rocksdb-devel clang-devel | rocksdb
Expat | expat-sys expat | libexpat1-dev | expat-devel | expat
libxml2 | libxml libxml-2.0 xml2 | libxml2-dev | libxml2-devel | libxml2
hidapi | hidapi hidapi-* | libudev-dev libusb-1.0-0-dev | systemd-devel libusb1-devel | hidapi
PC/SC | pcsc-sys libpcsclite pcsclite | libpcsclite-dev | pcsc-lite-devel |
GStreamer | gstreamer* | libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev | gstreamer1-devel gstreamer1-plugins-base-devel | gstreamer
WebKitGTK | webkit2gtk* javascriptcore* | libwebkit2gtk-4.1-dev | webkit2gtk4.1-devel |
libsoup 3 | soup3-sys libsoup-3.0 soup-3.0 | libsoup-3.0-dev | libsoup3-devel | libsoup
libsoup 2 | soup-sys soup2-sys libsoup-2.4 soup-2.4 | libsoup2.4-dev | libsoup-devel | libsoup@2
PulseAudio | libpulse* pulse | libpulse-dev | pulseaudio-libs-devel | pulseaudio
PipeWire | libspa-sys pipewire-sys libpipewire-0.3 libspa-0.2 | libpipewire-0.3-dev libclang-dev | pipewire-devel clang-devel |
JACK | jack-sys jack | libjack-jackd2-dev | pipewire-jack-audio-connection-kit-devel | jack
SDL 2 | sdl2-sys sdl2 SDL2 | libsdl2-dev | SDL2-devel | sdl2
libsodium | libsodium-sys libsodium sodium | libsodium-dev | libsodium-devel | libsodium
ZeroMQ | zmq-sys libzmq zmq | libzmq3-dev | zeromq-devel | zeromq
Kerberos | libgssapi-sys krb5-gssapi gssapi_krb5 mit-krb5 | libkrb5-dev | krb5-devel | krb5
PAM | pam-sys pam | libpam0g-dev | pam-devel |
libseccomp | libseccomp-sys libseccomp seccomp | libseccomp-dev | libseccomp-devel |
libelf | libbpf-sys libelf elf | libelf-dev | elfutils-libelf-devel |
GMP | gmp-mpfr-sys gmp | libgmp-dev | gmp-devel | gmp
";

/// Tools: name | Debian | Fedora | Homebrew, or `!` and what macOS has instead | what a log says, in small letters.
const TOOLS: &str = "\
protobuf's compiler | protobuf-compiler | protobuf-compiler protobuf-devel | protobuf | find `protoc`; find the protoc binary; protoc binary not found; spawn `\"protoc\"; protoc: command not found; protoc: not found
CMake | cmake | cmake | cmake | is `cmake` not installed; missing dependency: cmake; cmake: command not found; cmake: not found
Ninja | ninja-build | ninja-build | ninja | corresponding to \"ninja\"; is `ninja` not installed; ninja: command not found; ninja: not found
libclang | libclang-dev | clang-devel | llvm | unable to find libclang; matching: ['libclang; any of ['libclang
LLVM | llvm-dev | llvm-devel | llvm | no suitable version of llvm was found
NASM | nasm | nasm | nasm | nasm command not found; have nasm installed; is `nasm` not installed; find nasm; failed to find tool \"nasm\"; nasm: command not found; nasm: not found
Perl | perl | perl perl-FindBin perl-IPC-Cmd perl-File-Compare perl-File-Copy | perl | command 'perl' not found; can't locate findbin.pm; can't locate ipc/cmd.pm; is `perl` not installed; perl: command not found; perl: not found
make | make | make | make | command 'make' not found; is `make` not installed; is `gmake` not installed; make: command not found; make: not found
Python | python3 python3-dev | python3 python3-devel | python | python3: command not found; python3: not found; python: command not found; python: not found; no python 3.x interpreter found; couldn't find python; could not find python; find any python; is `python3` not installed; failed to find tool \"python; python.h: no such file
the Autotools | autoconf automake libtool | autoconf automake libtool | autoconf automake libtool | autoreconf: command not found; autoreconf: not found; is `autoreconf` not installed; failed to execute autoreconf; libtoolize: not found
Clang | clang | clang | llvm | linker `clang` not found; failed to find tool \"clang; is `clang` not installed
a C compiler and a linker | build-essential | gcc gcc-c++ | !xcode-select --install | linker `cc` not found; linker `gcc` not found; failed to find tool \"cc\"; failed to find tool \"gcc\"; failed to find tool \"c++\"; failed to find tool \"g++\"; is `cc` not installed; is `c++` not installed; cc: command not found; gcc: command not found; g++: command not found
";

/// pkg-config itself: asked for last, since the row of a library names it too.
const PKG_CONFIG: &str = "pkg-config | pkg-config | pkgconf-pkg-config | pkgconf | pkg-config command could not be found; could not run `pkg-config; failed to run `\"pkg-config\"; pkg-config: command not found; pkg-config: not found; find pkg-config";

/// Words without which a build script that failed did not fail for a library that is missing.
const MISSING: [&str; 9] = [
    "not found",
    "find",
    "no such file",
    "pkg-config",
    "pkg_config",
    "not installed",
    "missing",
    "unable to locate",
    "cannot open",
];

/// What cures what `text` tells.
pub(super) fn of(text: &str) -> Option<String> {
    let small = text.to_lowercase().replace("\\\"", "\"");
    machine(&small)
        .or_else(|| rust(text))
        .or_else(|| TOOLS.lines().find_map(|row| tool(row, &small)))
        .or_else(|| library(text, &small))
        .or_else(|| tool(PKG_CONFIG, &small))
        .or_else(|| unknown_library(text))
}

/// What the machine lacks.
fn machine(small: &str) -> Option<String> {
    let says = |words: &[&str]| words.iter().any(|word| small.contains(word));
    if says(&["no space left on device", "disk quota exceeded", "not enough space on the disk"]) {
        return Some("the disk is full: free some space, and try again".to_owned());
    }
    let killed = ["(signal: 9, sigkill", "cannot allocate memory", "out of memory", "memory exhausted"];
    says(&killed).then(|| {
        "the machine ran out of memory: try again with `CARGO_BUILD_JOBS=1`, which builds one crate at a time".to_owned()
    })
}

/// The Rust that is too old.
fn rust(text: &str) -> Option<String> {
    let needed = after(text, "requires rustc ").filter_map(|rest| {
        let digits: &str = rest.split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
        let digits = digits.trim_end_matches('.');
        let parts: Option<Vec<u32>> = digits.split('.').map(|part| part.parse().ok()).collect();
        parts.map(|parts| (parts, digits))
    });
    if let Some((_, needed)) = needed.max() {
        return Some(format!("it needs Rust {needed} or newer: `rustup update` brings the newest"));
    }
    let old = [
        "feature `edition20",
        "this version of Cargo is older than the `",
        "this version of Cargo does not understand this lock file",
    ];
    old.iter()
        .any(|words| text.contains(words))
        .then(|| "it needs a newer Rust: `rustup update` brings the newest".to_owned())
}

/// The cure of a row of tools, where the log says that the tool is missing.
fn tool(row: &str, small: &str) -> Option<String> {
    let [name, debian, fedora, brew, words] = columns(row)?;
    if !words.split("; ").any(|word| small.contains(word)) {
        return None;
    }
    let mac = match brew.strip_prefix('!') {
        Some(command) => format!("macOS `{command}`"),
        None => format!("Homebrew `brew install {brew}`"),
    };
    Some(format!("install {name}: Debian `apt install {debian}`, Fedora `dnf install {fedora}`, {mac}"))
}

/// The library that is missing: what pkg-config misses, what belongs to the crate that failed, what the linker misses.
fn library(text: &str, small: &str) -> Option<String> {
    let crates = after(text, "custom build command for `")
        .filter_map(|rest| rest.split([' ', '`']).next())
        .filter(|_| MISSING.iter().any(|word| small.contains(word)));
    let by_crate = after(text, "required by crate `").filter_map(|rest| rest.split('`').next());
    pkg_config_files(text).chain(by_crate).chain(crates).chain(linked(text)).find_map(headers_of)
}

/// The names that pkg-config did not find.
fn pkg_config_files(text: &str) -> impl Iterator<Item = &str> {
    let files = after(text, "The file `").filter_map(|rest| rest.split('`').next()?.strip_suffix(".pc"));
    let packages = after(text, "No package '").filter_map(|rest| rest.split('\'').next());
    files.chain(packages)
}

/// The libraries that a linker did not find.
fn linked(text: &str) -> impl Iterator<Item = &str> {
    let flags = ["unable to find library -l", "cannot find -l", "library not found for -l"];
    let end = |c: char| c.is_whitespace() || ":'\"".contains(c);
    let flags =
        flags.into_iter().flat_map(move |words| after(text, words)).filter_map(move |r| r.split(end).next());
    let apple = after(text, "ld: library '").filter_map(|rest| rest.split('\'').next());
    flags.chain(apple)
}

/// What comes after each `words`.
fn after<'t>(text: &'t str, words: &'static str) -> impl Iterator<Item = &'t str> {
    text.match_indices(words).map(|(at, words)| &text[at + words.len()..])
}

/// How the headers of the library are installed that goes by the name of `sign`.
fn headers_of(sign: &str) -> Option<String> {
    LIBRARIES.lines().find_map(|row| {
        let [name, signs, debian, fedora, brew] = columns(row)?;
        let known = |known: &str| known.strip_suffix('*').map_or(known == sign, |start| sign.starts_with(start));
        signs.split(' ').any(known).then(|| {
            let mac = if brew.is_empty() { String::new() } else { format!(", Homebrew `brew install {brew} pkgconf`") };
            format!(
                "install {name}'s headers: Debian `apt install {debian} pkg-config`, Fedora `dnf install {fedora} pkgconf`{mac}"
            )
        })
    })
}

/// A library that no table has, by its `.pc` file.
fn unknown_library(text: &str) -> Option<String> {
    let plain = |name: &&str| {
        !name.is_empty()
            && name.len() < 60
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c))
    };
    let name = pkg_config_files(text).find(plain)?;
    Some(format!(
        "install the development package that has `{name}.pc`: Fedora `dnf install 'pkgconfig({name})'`, on Debian `apt-file search /{name}.pc` names it"
    ))
}

fn columns(row: &str) -> Option<[&str; 5]> {
    let columns: Vec<&str> = row.split('|').map(str::trim).collect();
    columns.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{LIBRARIES, PKG_CONFIG, TOOLS, columns, headers_of, of};

    #[test]
    fn every_row_is_whole() {
        for row in LIBRARIES.lines().chain(TOOLS.lines()).chain([PKG_CONFIG]) {
            let columns = columns(row).unwrap_or_else(|| panic!("{row}"));
            assert!(columns[..4].iter().all(|column| !column.is_empty()), "{row}");
        }
        for row in TOOLS.lines().chain([PKG_CONFIG]) {
            let [name, .., words] = columns(row).unwrap();
            for word in words.split("; ") {
                assert_eq!(word, word.to_lowercase());
                let cure = of(word).unwrap_or_else(|| panic!("{word}"));
                assert!(cure.starts_with(&format!("install {name}: ")), "{word}: {cure}");
            }
        }
    }

    #[test]
    fn each_library_is_known_by_one_row() {
        for row in LIBRARIES.lines() {
            let [name, signs, ..] = columns(row).unwrap();
            for sign in signs.split(' ') {
                let cure = headers_of(sign.trim_end_matches('*')).unwrap_or_else(|| panic!("{sign}"));
                assert!(cure.starts_with(&format!("install {name}")), "{sign}: {cure}");
            }
        }
        assert_eq!(
            headers_of("openssl-sys").unwrap(),
            "install OpenSSL's headers: Debian `apt install libssl-dev pkg-config`, Fedora `dnf install openssl-devel pkgconf`, Homebrew `brew install openssl@3 pkgconf`"
        );
        assert_eq!(
            headers_of("alsa-sys").unwrap(),
            "install ALSA's headers: Debian `apt install libasound2-dev pkg-config`, Fedora `dnf install alsa-lib-devel pkgconf`"
        );
        assert_eq!(headers_of("banana-sys"), None);
    }
}
