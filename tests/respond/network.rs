//! Two networks with a cable between them, each entered by one thread.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use hids_tests::{require, wait};

/// This side.
pub(crate) const NEAR: &str = "198.51.100.1";
pub(crate) const NEAR6: &str = "2001:db8:1::1";
/// The attacker.
pub(crate) const FAR: &str = "198.51.100.66";
pub(crate) const FAR6: &str = "2001:db8:1::66";
/// Another address on the attacker's side.
pub(crate) const FRIEND: &str = "198.51.100.77";
/// Longer than a packet takes between two namespaces of one machine, by far.
const NEVER: Duration = Duration::from_millis(300);

/// Runs a test on the near side of a cable; skipped when not root.
pub(crate) fn with_cable(test: impl FnOnce(&Far) + Send + 'static) {
    alone(|| {
        let far = Far::start();
        ip(&["link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", &far.thread_id.to_string()]);
        set_up(&[NEAR], NEAR6);
        far.run(|| set_up(&[FAR, FRIEND], FAR6));
        // The kernel takes up to a second to use a new cable.
        assert!(
            Ear::on(NEAR).hears(&far, FAR) && Ear::on(NEAR).hears(&far, FRIEND) && Ear::on(NEAR6).hears(&far, FAR6)
        );
        test(&far);
    });
}

/// Runs a test in a network of its own with nothing but a loopback interface; skipped when not root.
pub(crate) fn alone(test: impl FnOnce() + Send + 'static) {
    if !require::root() {
        return;
    }
    let test = move || {
        new_network();
        ip(&["link", "set", "lo", "up"]);
        test();
    };
    let outcome = std::thread::spawn(test).join();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

#[expect(deprecated, reason = "unsound for the table of descriptors, which stays shared")]
fn new_network() {
    rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNET).expect("a network namespace");
}

/// Like [`alone`] with private mounts too.
#[expect(deprecated, reason = "unsound for the table of descriptors, which stays shared")]
pub(crate) fn new_mounts() {
    rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNS).expect("a mount namespace");
    run("mount", &["--make-rprivate", "/"]);
}

fn set_up(addresses: &[&str], address6: &str) {
    for address in addresses {
        ip(&["address", "add", &format!("{address}/24"), "dev", "veth0"]);
    }
    ip(&["address", "add", &format!("{address6}/64"), "dev", "veth0", "nodad"]);
    ip(&["link", "set", "veth0", "up"]);
}

pub(crate) fn ip(arguments: &[&str]) {
    run("ip", arguments);
}

/// Runs a program in this thread's namespaces.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

type Job = Box<dyn FnOnce() + Send>;

/// The other side: a thread in its own network that does what it is told.
pub(crate) struct Far {
    jobs: Sender<Job>,
    thread_id: i32,
}

impl Far {
    fn start() -> Self {
        let (jobs, queue) = channel::<Job>();
        let (told, id) = channel();
        std::thread::spawn(move || {
            new_network();
            told.send(rustix::thread::gettid().as_raw_nonzero().get()).expect("the test waits");
            queue.iter().for_each(|job| job());
        });
        Self { jobs, thread_id: id.recv().expect("a thread id") }
    }

    /// Runs something over there.
    pub(crate) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, result) = channel();
        self.jobs.send(Box::new(move || _ = done.send(job()))).expect("the far side lives");
        result.recv().expect("the far side answers")
    }

    /// A connection to `listener`: the far and the near end.
    pub(crate) fn connect(&self, listener: &TcpListener) -> (TcpStream, TcpStream) {
        let target = listener.local_addr().expect("an address");
        let far = self.run(move || TcpStream::connect(target).expect("a connection"));
        (far, listener.accept().expect("a connection").0)
    }
}

/// A socket on this side that notices whether packets arrive.
pub(crate) struct Ear(UdpSocket);

impl Ear {
    pub(crate) fn on(address: &str) -> Self {
        let socket = UdpSocket::bind((address.parse::<IpAddr>().expect("an address"), 0)).expect("a socket");
        socket.set_read_timeout(Some(NEVER)).expect("a time-out");
        Self(socket)
    }

    /// Whether packets from `source` on the far side arrive.
    pub(crate) fn hears(&self, far: &Far, source: &str) -> bool {
        wait::until("a packet", Duration::from_secs(10), || self.knock(far, source)).is_ok()
    }

    /// Whether a packet from `source` on the far side does not arrive.
    pub(crate) fn hears_nothing(&self, far: &Far, source: &str) -> bool {
        !self.knock(far, source)
    }

    fn knock(&self, far: &Far, source: &str) -> bool {
        let (source, target): (IpAddr, _) =
            (source.parse().expect("an address"), self.0.local_addr().expect("an address"));
        far.run(move || {
            let socket = UdpSocket::bind(SocketAddr::new(source, 0)).expect("a socket");
            socket.send_to(b"knock", target).expect("sent");
        });
        let mut buffer = [0; 16];
        // Late packets from others do not count.
        std::iter::from_fn(|| self.0.recv_from(&mut buffer).ok()).any(|(_, from)| from.ip() == source)
    }
}
