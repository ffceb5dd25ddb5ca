//! HTTP requests as the tests' own servers and proxies read them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// How the first message of an encrypted connection begins.
pub(crate) const TLS: u8 = 0x16;

/// A request, with all of its body.
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) path: String,
    /// The lines of the header, each with its end, without what is about the connection.
    header: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Reads one; none where the client speaks TLS, which is told that nobody here does.
    pub(crate) fn read(client: &TcpStream) -> std::io::Result<Option<Self>> {
        let mut reader = BufReader::new(client);
        if reader.fill_buf()?.first() == Some(&TLS) {
            // By this an engine knows that there is no encryption.
            let mut client = client;
            client.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n")?;
            return Ok(None);
        }
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let mut words = first.split(' ').map(str::to_owned);
        let (method, path) = (words.next(), words.next());
        let (mut header, mut length, mut in_chunks) = (String::new(), 0, false);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            } else if lower.starts_with("transfer-encoding:") {
                in_chunks = true;
            } else if line.trim_end().is_empty() {
                break;
            } else if !lower.starts_with("connection:") {
                header.push_str(&line);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        while in_chunks {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
            let start = body.len();
            body.resize(start + size, 0);
            reader.read_exact(&mut body[start..])?;
            reader.read_line(&mut String::new())?;
            in_chunks = size > 0;
        }
        Ok(Some(Self {
            method: method.unwrap_or_default(),
            path: path.unwrap_or_default(),
            header,
            body,
        }))
    }

    /// The value of a header, if it is there.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.header.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }

    /// Sends it to the server at that host and port; gives the connection, on which the answer comes.
    pub(crate) fn send(&self, host: &str) -> std::io::Result<TcpStream> {
        let Self {
            method,
            path,
            header,
            body,
        } = self;
        let mut server = TcpStream::connect(host)?;
        let length = body.len();
        write!(
            server,
            "{method} {path} HTTP/1.1\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n"
        )?;
        server.write_all(body)?;
        Ok(server)
    }
}

/// Answers with that status, these further lines of the header, and that text.
pub(crate) fn answer(
    mut client: &TcpStream,
    status: &str,
    header: &str,
    text: &str,
) -> std::io::Result<()> {
    let length = text.len();
    write!(
        client,
        "HTTP/1.1 {status}\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    )
}
