//! A tiny server on loopback that answers as it is told, byte by byte, and remembers what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What to do with a request.
#[derive(Clone)]
pub(super) enum Reply {
    /// Status, headers, body.
    Whole(u16, Vec<(&'static str, String)>, String),
    /// Take the request, then close the connection.
    Drop,
    /// Take the request, and never answer.
    Silence,
    /// Promise more body than comes.
    Torn(String),
}

impl Reply {
    pub fn json(status: u16, body: &str) -> Self {
        Self::Whole(status, vec![("content-type", "application/json".into())], body.into())
    }

    pub fn xml(status: u16, body: &str) -> Self {
        let id = ("x-amzn-requestid", "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE".to_owned());
        Self::Whole(status, vec![("content-type", "text/xml".into()), id], body.into())
    }

    /// An error as IAM and STS send it.
    pub fn aws_error(status: u16, code: &str, message: &str) -> Self {
        let xml = format!(
            "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type><Code>{code}</Code>\
             <Message>{message}</Message></Error><RequestId>7a62c49f</RequestId></ErrorResponse>"
        );
        Self::xml(status, &xml)
    }
}

type Answer = dyn Fn(usize, &str) -> Reply + Send + Sync;

/// Ends when it is dropped.
pub(super) struct Server {
    pub url: String,
    seen: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Answers the n-th request (from 0), whose whole text is given too.
    pub async fn start(answer: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (answer, log): (Arc<Answer>, _) = (Arc::new(answer), seen.clone());
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(serve(stream, answer.clone(), log.clone()));
            }
        });
        Self { url, seen, task }
    }

    /// Always the same answer.
    pub async fn always(reply: Reply) -> Self {
        Self::start(move |_, _| reply.clone()).await
    }

    /// Every request, whole.
    pub fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<Answer>, log: Arc<Mutex<Vec<String>>>) {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let n = stream.read(&mut piece).await.unwrap_or(0);
        if n == 0 {
            return;
        }
        bytes.extend_from_slice(&piece[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        if body.len() < length.unwrap_or(0_usize) {
            continue;
        }
        bytes.clear();
        let number = {
            let mut log = log.lock().unwrap();
            log.push(text.clone());
            log.len() - 1
        };
        match answer(number, &text) {
            Reply::Drop => return,
            Reply::Silence => tokio::time::sleep(Duration::from_secs(600)).await,
            Reply::Torn(body) => {
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    body.len() + 9
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                return;
            }
            Reply::Whole(status, headers, body) => {
                let mut head = format!("HTTP/1.1 {status} X\r\ndate: Fri, 20 Nov 2026 03:15:00 GMT\r\n");
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                // 204 and 304 have no body, and no length of one (RFC 9110 section 8.6).
                if !matches!(status, 204 | 304) {
                    head.push_str(&format!("content-length: {}\r\n", body.len()));
                }
                let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes()).await;
            }
        }
    }
}
