//! The built-in scenarios, from `www/scenarios/`.

use super::types::Scenario;

/// A built-in scenario.
#[derive(Debug)]
pub struct Preset {
    /// Its name in the address: `?preset=first`.
    pub key: &'static str,
    /// What it is about; those of one topic stand together.
    pub topic: &'static str,
    /// What one sees in it, in one sentence.
    pub blurb: &'static str,
    json: &'static str,
}

/// Every built-in scenario; the page opens with the first.
pub const GALLERY: &[Preset] = &[
    Preset {
        key: "first",
        topic: "First steps",
        blurb: "A balancer, three servers, and one slider to pull",
        json: include_str!("../../www/scenarios/first.json"),
    },
    Preset {
        key: "course-round-robin",
        topic: "First steps",
        blurb: "The course's demo program: ten requests, 1, 2, 3, 1, 2, 3 \u{2026}",
        json: include_str!("../../www/scenarios/course-round-robin.json"),
    },
    Preset {
        key: "server-dies",
        topic: "First steps",
        blurb: "One of three servers crashes and comes back",
        json: include_str!("../../www/scenarios/server-dies.json"),
    },
    Preset {
        key: "one-queue",
        topic: "First steps",
        blurb: "One server at 80 % load: why waiting is five times the work",
        json: include_str!("../../www/scenarios/one-queue.json"),
    },
    Preset {
        key: "slow-server",
        topic: "Balancing",
        blurb: "Round robin gives a slow server as much as a fast one",
        json: include_str!("../../www/scenarios/slow-server.json"),
    },
    Preset {
        key: "least-connections",
        topic: "Balancing",
        blurb: "The same slow server under least connections: it gets what it can do",
        json: include_str!("../../www/scenarios/least-connections.json"),
    },
    Preset {
        key: "lossy-link",
        topic: "Balancing",
        blurb: "A wire that loses one request in ten",
        json: include_str!("../../www/scenarios/lossy-link.json"),
    },
    Preset {
        key: "drain",
        topic: "Servers, up and out",
        blurb: "A server is taken out, with and without draining",
        json: include_str!("../../www/scenarios/drain.json"),
    },
    Preset {
        key: "scale-out",
        topic: "Servers, up and out",
        blurb: "More and more servers before one database: up, flat, down",
        json: include_str!("../../www/scenarios/scale-out.json"),
    },
    Preset {
        key: "scale-up-course",
        topic: "Servers, up and out",
        blurb: "An upgrade that makes the network slower, beside one that does not",
        json: include_str!("../../www/scenarios/scale-up-course.json"),
    },
    Preset {
        key: "scale-up",
        topic: "Servers, up and out",
        blurb: "One machine, an Upgrade button, and a catalogue that ends",
        json: include_str!("../../www/scenarios/scale-up.json"),
    },
    Preset {
        key: "sharing",
        topic: "Servers, up and out",
        blurb: "Short requests behind long ones, and beside them",
        json: include_str!("../../www/scenarios/sharing.json"),
    },
    Preset {
        key: "held-threads",
        topic: "Servers, up and out",
        blurb: "A server that waits for another, with and without holding its cores",
        json: include_str!("../../www/scenarios/held-threads.json"),
    },
    Preset {
        key: "autoscaling",
        topic: "Servers, up and out",
        blurb: "A load step: servers that start too late, beside a warmer minimum",
        json: include_str!("../../www/scenarios/autoscaling.json"),
    },
    Preset {
        key: "day",
        topic: "Servers, up and out",
        blurb: "A day of requests: servers that come and go, and four that are always there",
        json: include_str!("../../www/scenarios/day.json"),
    },
    Preset {
        key: "open-closed",
        topic: "Servers, up and out",
        blurb: "Clients who come whatever happens, and users who wait for their answers",
        json: include_str!("../../www/scenarios/open-closed.json"),
    },
    Preset {
        key: "cache-stampede",
        topic: "Caches",
        blurb: "Entries that expire at once, as in the course; beside it jitter and single flight",
        json: include_str!("../../www/scenarios/cache-stampede.json"),
    },
    Preset {
        key: "write-behind-crash",
        topic: "Caches",
        blurb: "A cache that acknowledges first and writes later crashes in between",
        json: include_str!("../../www/scenarios/write-behind-crash.json"),
    },
    Preset {
        key: "cache-scan",
        topic: "Caches",
        blurb: "A scan empties LRU; S3-FIFO keeps what is wanted again",
        json: include_str!("../../www/scenarios/cache-scan.json"),
    },
    Preset {
        key: "cache-member-dies",
        topic: "Caches",
        blurb: "A cache member dies: keys lost with one copy, none with two",
        json: include_str!("../../www/scenarios/cache-member-dies.json"),
    },
    Preset {
        key: "cache-grows",
        topic: "Caches",
        blurb: "A fifth cache member joins: modulo beside a ring",
        json: include_str!("../../www/scenarios/cache-grows.json"),
    },
    Preset {
        key: "cache-levels",
        topic: "Caches",
        blurb: "Three copies: one answer, or a quorum of them",
        json: include_str!("../../www/scenarios/cache-levels.json"),
    },
    Preset {
        key: "cache-member-returns",
        topic: "Caches",
        blurb: "A cache member comes back with old values; hinted handoff beside it",
        json: include_str!("../../www/scenarios/cache-member-returns.json"),
    },
    Preset {
        key: "course-sharding",
        topic: "Shards and partitions",
        blurb: "A fifth shard joins, as in the course: four of five keys belong elsewhere",
        json: include_str!("../../www/scenarios/course-sharding.json"),
    },
    Preset {
        key: "sharding-ring",
        topic: "Shards and partitions",
        blurb: "The same fifth shard on a ring: a fifth of the rows moves, nobody misses",
        json: include_str!("../../www/scenarios/sharding-ring.json"),
    },
    Preset {
        key: "hot-partition",
        topic: "Shards and partitions",
        blurb: "Keys that grow: one hot range, beside the same keys by hash",
        json: include_str!("../../www/scenarios/hot-partition.json"),
    },
    Preset {
        key: "course-partitions",
        topic: "Shards and partitions",
        blurb: "The course's table, to which nothing is attached: every insert fails",
        json: include_str!("../../www/scenarios/course-partitions.json"),
    },
    Preset {
        key: "read-replicas",
        topic: "Replicas",
        blurb: "Reads from replicas as in the course, beside reading your own writes",
        json: include_str!("../../www/scenarios/read-replicas.json"),
    },
    Preset {
        key: "primary-dies",
        topic: "Replicas",
        blurb: "The primary dies: asynchronous loses acknowledged changes, the others do not",
        json: include_str!("../../www/scenarios/primary-dies.json"),
    },
    Preset {
        key: "quorum",
        topic: "Replicas",
        blurb: "Three members, two quorums: R + W above N or not",
        json: include_str!("../../www/scenarios/quorum.json"),
    },
    Preset {
        key: "split-brain",
        topic: "Replicas",
        blurb: "Two primaries at once, and how fencing prevents it",
        json: include_str!("../../www/scenarios/split-brain.json"),
    },
    Preset {
        key: "course-registry",
        topic: "Discovery and gateways",
        blurb: "The first healthy instance does all the work, as in the course; beside it turns",
        json: include_str!("../../www/scenarios/course-registry.json"),
    },
    Preset {
        key: "registry-down",
        topic: "Discovery and gateways",
        blurb: "The registry crashes: clients with a list go on, those without do not",
        json: include_str!("../../www/scenarios/registry-down.json"),
    },
    Preset {
        key: "course-gateway",
        topic: "Discovery and gateways",
        blurb: "One balancer for two services, as in the course: half is misrouted",
        json: include_str!("../../www/scenarios/course-gateway.json"),
    },
    Preset {
        key: "gateway-filters",
        topic: "Discovery and gateways",
        blurb: "Tokens, a rate limit, a breaker and retries, each a gate that counts",
        json: include_str!("../../www/scenarios/gateway-filters.json"),
    },
    Preset {
        key: "course-queue",
        topic: "Queues",
        blurb: "Auto-ack as in the course, and by hand: a worker dies with messages in its hands",
        json: include_str!("../../www/scenarios/course-queue.json"),
    },
    Preset {
        key: "queue-durability",
        topic: "Queues",
        blurb: "A broker restarts: durable queues and persistent messages are two things",
        json: include_str!("../../www/scenarios/queue-durability.json"),
    },
    Preset {
        key: "queue-backlog",
        topic: "Queues",
        blurb: "A producer faster than its worker: the queue grows by the difference",
        json: include_str!("../../www/scenarios/queue-backlog.json"),
    },
    Preset {
        key: "queue-poison",
        topic: "Queues",
        blurb: "One message that always fails blocks a queue, or becomes a dead letter",
        json: include_str!("../../www/scenarios/queue-poison.json"),
    },
    Preset {
        key: "queue-topic",
        topic: "Queues",
        blurb: "A topic exchange: three queues, bindings, and copies",
        json: include_str!("../../www/scenarios/queue-topic.json"),
    },
    Preset {
        key: "log-rebalance",
        topic: "Queues",
        blurb: "A log's readers lose a member: everybody stops, or only what moves",
        json: include_str!("../../www/scenarios/log-rebalance.json"),
    },
    Preset {
        key: "health-checks",
        topic: "When things go wrong",
        blurb: "A server dies, and nobody knows until a check or a request fails",
        json: include_str!("../../www/scenarios/health-checks.json"),
    },
    Preset {
        key: "fails-fast",
        topic: "When things go wrong",
        blurb: "Errors are quick answers: least connections sends the broken server the most",
        json: include_str!("../../www/scenarios/fails-fast.json"),
    },
    Preset {
        key: "stands-still",
        topic: "When things go wrong",
        blurb: "A server that dies, and one that stands still and refuses nothing",
        json: include_str!("../../www/scenarios/stands-still.json"),
    },
    Preset {
        key: "partition",
        topic: "When things go wrong",
        blurb: "Half the servers out of reach: in silence, and then with an error",
        json: include_str!("../../www/scenarios/partition.json"),
    },
    Preset {
        key: "retry-storm",
        topic: "When things go wrong",
        blurb: "A second of trouble, and retries keep it down for good; a budget ends that",
        json: include_str!("../../www/scenarios/retry-storm.json"),
    },
    Preset {
        key: "alerts",
        topic: "When things go wrong",
        blurb: "A server dies, and a board with rules of its own notices, and when",
        json: include_str!("../../www/scenarios/alerts.json"),
    },
];

impl Preset {
    /// The preset with this key.
    pub fn find(key: &str) -> Option<&'static Preset> {
        GALLERY.iter().find(|preset| preset.key == key)
    }

    /// Its scenario.
    pub fn scenario(&self) -> Scenario {
        Scenario::from_json(self.json).expect("built-in scenarios are read by a test")
    }
}
