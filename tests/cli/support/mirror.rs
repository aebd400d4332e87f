//! A running `envtool serve`, and a client that says byte by byte what it wants.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Child;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::files::fingerprint;
use super::sandbox::{Call, Sandbox, write};

/// How long an answer is waited for: longer than anything should take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A mirror; it is asked to end when it is dropped.
pub(crate) struct Mirror {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// A call of `envtool serve` on a free port, with this configuration besides the sandbox's two registries.
pub(crate) fn serve<'a>(sandbox: &'a Sandbox, config: &str, args: &[&str]) -> Call<'a> {
    let file = sandbox.outside("mirror").join("mirror.toml");
    // Said here, it need not be asked of pip.
    let pypi = match config.contains("[pypi]") {
        true => String::new(),
        false => format!("[pypi]\nindex = {:?}\n", sandbox.pypi().index()),
    };
    write(&file, &format!("{config}\n{pypi}"));
    let mut words: Vec<OsString> = ["serve", "--bind", "127.0.0.1:0", "--config"].map(OsString::from).into();
    words.push(file.into());
    words.extend(args.iter().map(OsString::from));
    sandbox.envtool(&words, &sandbox.empty())
}

impl Mirror {
    /// Starts one, and waits until it listens.
    pub(crate) fn start(sandbox: &Sandbox, config: &str, args: &[&str]) -> Self {
        Self::of(&serve(sandbox, config, args))
    }

    /// The same from a call that was made ready.
    pub(crate) fn of(call: &Call<'_>) -> Self {
        let mut child = call.command().stderr(std::process::Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (tell, told) = mpsc::channel();
        let (said, shared) = (child.stderr.take().unwrap(), Arc::clone(&log));
        let reader = thread::spawn(move || {
            for line in BufReader::new(said).split(b'\n') {
                let line = String::from_utf8_lossy(&line.unwrap()).into_owned();
                if let Some((_, rest)) = line.split_once("Serving http://") {
                    // Who does not wait for it any more has failed already.
                    let _ = tell.send(rest.split_whitespace().next().unwrap().parse().unwrap());
                }
                let mut log = shared.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let address = told.recv_timeout(PATIENCE);
        let address = address.unwrap_or_else(|_| panic!("it does not serve\n{}", log.lock().unwrap()));
        Self { child, address, log, reader: Some(reader) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What cargo's configuration has to say.
    pub(crate) fn cargo_config(&self) -> String {
        format!(
            "[source.crates-io]\nreplace-with = \"mirror\"\n[source.mirror]\nregistry = \"sparse+{}/crates/index/\"\n",
            self.url()
        )
    }

    /// What it said so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Client {
        Client::to(self.address)
    }

    /// What it answers to `GET path`.
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.ask(path, &[])
    }

    /// The same with headers.
    pub(crate) fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut client = self.connect();
        client.ask(path, headers);
        client.reply()
    }

    /// The value of a line of `/metrics`; 0 where there is none.
    pub(crate) fn metric(&self, line: &str) -> u64 {
        let text = self.get("/metrics").text();
        let start = format!("envtool_mirror_{line} ");
        text.lines().find_map(|line| line.strip_prefix(&start)).map_or(0, |value| value.parse().unwrap())
    }

    /// Waits until a line of `/metrics` has this value.
    pub(crate) fn comes_to(&self, line: &str, value: u64) {
        let since = Instant::now();
        while self.metric(line) != value {
            assert!(since.elapsed() < PATIENCE, "{line} is {}", self.metric(line));
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it has ended; its exit code, and all that it said.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        self.reader.take().unwrap().join().unwrap();
        (code, self.log())
    }

    /// Asks it to end.
    pub(crate) fn end(self) -> String {
        self.signal(Signal::TERM);
        let (code, log) = self.ended();
        assert_eq!(code, Some(0), "{log}");
        assert!(!log.contains("panicked"), "{log}");
        log
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // A test that failed is not kept by an answer that never ends.
            let signal = if thread::panicking() { Signal::KILL } else { Signal::TERM };
            let _ = kill_process(Pid::from_child(&self.child), signal);
            let _ = self.child.wait();
        }
    }
}

/// One connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    /// What came and was not looked at yet.
    ahead: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Its first line and its headers, in small letters.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Whether as much came as `Content-Length` said.
    pub(crate) is_whole: bool,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// A header; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let start = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_default()
    }

    /// It must have this status, and in its body what envtool says where it refuses, with each of these words.
    pub(crate) fn refuses(&self, status: u16, words: &[&str]) -> &Self {
        let text = self.text();
        assert_eq!(self.status, status, "{}{text}", self.head);
        assert!(text.starts_with("error: ") && text.contains("\nhelp: "), "{}{text}", self.head);
        assert!(self.header("content-type").starts_with("text/plain"), "{}", self.head);
        for word in words {
            assert!(text.contains(word), "it does not say {word:?}: {text}");
        }
        self
    }

    /// It must be the whole thing.
    pub(crate) fn gives(&self, bytes: &[u8]) -> &Self {
        assert_eq!(self.status, 200, "{}{}", self.head, String::from_utf8_lossy(&self.body));
        assert!(self.is_whole, "{}", self.head);
        assert!(self.body == bytes, "{} bytes, {} expected", self.body.len(), bytes.len());
        self
    }
}

impl Client {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, ahead: Vec::new() }
    }

    /// Sends `GET path`; the connection ends after the answer.
    pub(crate) fn ask(&mut self, path: &str, headers: &[(&str, &str)]) {
        let mut head = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n");
        if headers.iter().all(|(name, _)| !name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: {}\r\n", self.stream.peer_addr().unwrap()));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.send(format!("{head}\r\n").as_bytes());
    }

    /// Sends bytes as they are. Where the server has closed, its answer tells.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Waits for so many bytes at least, and keeps them for [`Client::reply`].
    pub(crate) fn sees(&mut self, count: usize) -> usize {
        let mut block = [0; 16 * 1024];
        while self.ahead.len() < count {
            match uninterrupted(|| self.stream.read(&mut block)).unwrap() {
                0 => break,
                read => self.ahead.extend(&block[..read]),
            }
        }
        self.ahead.len()
    }

    /// Whether the server has ended the connection without a further word.
    pub(crate) fn is_let_go(&mut self) -> bool {
        let mut byte = [0];
        match uninterrupted(|| self.stream.read(&mut byte)) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// The answer, read until the server ends the connection or breaks it.
    pub(crate) fn reply(mut self) -> Reply {
        let mut bytes = std::mem::take(&mut self.ahead);
        let read = self.stream.read_to_end(&mut bytes);
        if let Err(error) = &read {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
        }
        let _ = self.stream.shutdown(Shutdown::Both);
        let end = bytes.windows(4).position(|part| part == b"\r\n\r\n");
        let Some(end) = end else {
            assert!(bytes.is_empty(), "half an answer: {}", String::from_utf8_lossy(&bytes));
            return Reply { status: 0, head: String::new(), body: Vec::new(), is_whole: false };
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase().replace("\r\n", "\n") + "\n";
        let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
        let body = bytes.split_off(end + 4);
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let is_whole = match length {
            Some(length) => body.len() == length.parse::<usize>().unwrap(),
            None => status == 304,
        };
        Reply { status, head, body, is_whole }
    }
}

/// A read with a time limit is broken off by signals that others are sent.
pub(crate) fn uninterrupted<T>(mut read: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// A folder of the store.
pub(crate) fn bucket(sandbox: &Sandbox, name: &str) -> PathBuf {
    sandbox.store().join("v1").join(name)
}

/// Everything that the mirror keeps of archives and files.
pub(crate) fn held(sandbox: &Sandbox) -> String {
    ["archives", "files", "tmp"].map(|folder| fingerprint(&bucket(sandbox, folder), &[])).join("\n")
}

/// Makes every answer of an index that is kept on disk one of 1970, as if the mirror had run since.
pub(crate) fn grow_old(sandbox: &Sandbox) {
    for registry in std::fs::read_dir(bucket(sandbox, "mirror")).unwrap() {
        for file in std::fs::read_dir(registry.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let mut kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            assert!(kept["asked"].is_u64());
            kept["asked"] = 0.into();
            std::fs::write(&path, kept.to_string()).unwrap();
        }
    }
}
