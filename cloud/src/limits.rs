//! Every limit of the cloud, by name (promise P6).

use std::time::Duration;

/// The limits that connections live under. The defaults suit a small server whose process may open 1,024 files.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// TCP uploads at once; who comes later gets the place of a silent one.
    pub upload_connections: usize,
    /// The longest text upload, in bytes: some 30,000 lines.
    pub upload_bytes: usize,
    /// The pause after a complete line that ends an upload, which has no other end.
    pub upload_pause: Duration,
    /// How long a line may stay unfinished without another byte.
    pub upload_stall: Duration,
    /// How long a connection may take to say all it has to say.
    pub upload_deadline: Duration,
    /// How long an answered connection is still listened to.
    pub upload_linger: Duration,
    /// HTTP connections at once; who comes later gets the place of a silent one.
    pub http_connections: usize,
    /// The longest request body, in bytes.
    pub body_bytes: usize,
    /// How long a body may pause.
    pub body_stall: Duration,
    /// How long a body may take as a whole.
    pub body_deadline: Duration,
    /// How long a request's head may take, and a connection may idle between requests.
    pub head_deadline: Duration,
    /// How long a client may refuse to take any byte of its answer.
    pub answer_stall: Duration,
    /// How often it is asked whether a client may still have the answer that is being sent to it: a revoked token, a session that was
    /// ended and a removed account end exports and events in so long.
    pub look_again: Duration,
    /// How long a submission may wait for its commit.
    pub commit_deadline: Duration,
    /// Bytes of uploads and bodies held at once, beyond [`Limits::FREE_BYTES`] for each connection.
    pub bytes_in_flight: usize,
    /// How long connections may go on after a shutdown was asked for.
    pub drain: Duration,
    /// How long new surveys gather before the rules of alerts look at them.
    pub alert_gather: Duration,
    /// How often the rules look for what only time brings, such as silence.
    pub alert_look: Duration,
    /// How long after the start nobody is newly called silent: who has waited for the cloud comes back meanwhile.
    pub alert_settle: Duration,
    /// How often the MQTT broker is told what only time brings, and what people wrote about devices.
    pub mqtt_look: Duration,
    /// How long until an alert's message that was not delivered is tried again, the first time.
    pub alert_first_pause: Duration,
}

impl Limits {
    /// Bytes that every connection may hold without asking: no survey of a day needs more.
    pub const FREE_BYTES: usize = 64 * 1024;
    /// The most surveys of one upload: each costs the store as much as some twenty readings, and an upload of nothing
    /// but names of devices would hold up all others for seconds. A gateway sends hundreds.
    pub const MAX_SURVEYS: usize = 50_000;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload_connections: 400,
            upload_bytes: 1024 * 1024,
            upload_pause: Duration::from_millis(300),
            upload_stall: Duration::from_secs(10),
            upload_deadline: Duration::from_secs(60),
            upload_linger: Duration::from_secs(2),
            http_connections: 400,
            body_bytes: 16 * 1024 * 1024,
            body_stall: Duration::from_secs(10),
            body_deadline: Duration::from_secs(120),
            head_deadline: Duration::from_secs(30),
            answer_stall: Duration::from_secs(30),
            look_again: Duration::from_secs(5),
            commit_deadline: Duration::from_secs(30),
            bytes_in_flight: 64 * 1024 * 1024,
            drain: Duration::from_secs(10),
            alert_gather: Duration::from_secs(1),
            alert_look: Duration::from_secs(60),
            alert_settle: Duration::from_mins(15),
            mqtt_look: Duration::from_secs(60),
            alert_first_pause: Duration::from_secs(5),
        }
    }
}
