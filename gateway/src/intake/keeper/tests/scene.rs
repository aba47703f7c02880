//! A keeper on a disk that fails as it is told to, and those who send to it.

use super::*;

pub(super) const AGAIN: &str = "Surveys refused: the gateway cannot write its journal; try again later";
pub(super) const FULL: &str = "Surveys refused: disk full; try again later";
pub(super) const ARRIVED: &str = "Surveys arrived";

/// A disk that fails at what it is told to: the name of an operation, for `rename` the name that is to be given. And
/// the bytes that it says are free, or how large it is.
#[derive(Debug, Default)]
pub(super) struct Faulty {
    failing: Mutex<BTreeSet<String>>,
    pub(super) free: Mutex<Option<u64>>,
    pub(super) size: Mutex<Option<Size>>,
}

/// The size of a disk.
#[derive(Debug)]
pub(super) struct Size {
    pub(super) all: u64,
    /// The fewest bytes that ever were free when somebody asked.
    pub(super) fewest: u64,
}

impl Faulty {
    pub(super) fn fail(&self, what: &[&str]) {
        *self.failing.lock().unwrap() = what.iter().map(|what| (*what).to_owned()).collect();
    }

    fn may(&self, what: &str) -> io::Result<()> {
        if self.failing.lock().unwrap().contains(what) { Err(io::Error::other("broken")) } else { Ok(()) }
    }
}

impl Disk for Faulty {
    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.may("look")?;
        OsDisk.exists(path)
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        self.may("look")?;
        OsDisk.length(path)
    }

    fn rest(&self) {}

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        OsDisk.list(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.may(to.file_name().unwrap().to_str().unwrap())?;
        OsDisk.rename(from, to)?;
        if to.ends_with(FILE) && self.may("sync when salvaged").is_err() {
            self.fail(&["sync"]);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.may("sync")?;
        OsDisk.sync_folder(folder)
    }

    fn free(&self, folder: &Path) -> io::Result<u64> {
        self.may("free")?;
        if let Some(size) = &mut *self.size.lock().unwrap() {
            let files = self.list(folder)?;
            let taken: u64 = files.iter().map(|file| self.length(file)).sum::<io::Result<_>>()?;
            let free = size.all.saturating_sub(taken);
            size.fewest = size.fewest.min(free);
            return Ok(free);
        }
        (*self.free.lock().unwrap()).map_or_else(|| OsDisk.free(folder), Ok)
    }
}

/// A keeper, its disk, and a clock that stands still unless it is told.
pub(super) struct Scene {
    pub(super) home: tempfile::TempDir,
    pub(super) disk: Arc<Faulty>,
    pub(super) keeper: Keeper,
    pub(super) up: Duration,
}

impl Scene {
    pub(super) fn new(journal_max: u64) -> Self {
        let (home, disk) = (tempfile::tempdir().unwrap(), Arc::new(Faulty::default()));
        let keeper = open(home.path(), &disk, journal_max, 7).unwrap();
        Self { home, disk, keeper, up: Duration::ZERO }
    }

    pub(super) fn now(&self) -> Moment {
        at(self.up)
    }

    pub(super) fn entry(&self, number: u64) -> Entry {
        let text = format!("d{number} 08:00 - 20 - 30%\n");
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let received = self.now().utc;
        let datagram = read_datagram(text.as_bytes(), text.len(), peer.ip(), received, &TimeZone::UTC);
        Entry { socket: 0, peer, datagram }
    }

    /// Device `number` sends its survey; what it is told.
    pub(super) fn send(&mut self, number: u64) -> String {
        self.send_with(&[number], Vec::new()).remove(0)
    }

    pub(super) fn send_with(&mut self, numbers: &[u64], orders: Vec<Order>) -> Vec<String> {
        let entries = numbers.iter().map(|number| self.entry(*number)).collect();
        let outcomes = self.keeper.handle(Group { entries, orders, dropped: 0 }, self.now());
        assert_eq!(outcomes.len(), numbers.len());
        outcomes.iter().map(|outcome| outcome.text().to_owned()).collect()
    }

    /// So much of the disk is left now.
    pub(super) fn leave(&self, free: u64) {
        let files = OsDisk.list(self.home.path()).unwrap();
        let taken: u64 = files.iter().map(|file| OsDisk.length(file).unwrap()).sum();
        *self.disk.size.lock().unwrap() = Some(Size { all: taken + free, fewest: u64::MAX });
    }

    /// The time that the keeper asks for passes.
    pub(super) fn rest(&mut self) {
        self.up += self.keeper.pause(self.now());
    }

    /// Strangers send so many datagrams of 4,096 bytes, each another, that mean nothing.
    pub(super) fn flood(&mut self, count: u64) {
        let peer = SocketAddr::from(([10, 6, 6, 6], 666));
        let received = self.now().utc;
        let entries = (0..count).map(|number| {
            let text = format!("{number:x<4096}");
            let datagram = read_datagram(text.as_bytes(), text.len(), peer.ip(), received, &TimeZone::UTC);
            Entry { socket: 0, peer, datagram }
        });
        let group = Group { entries: entries.collect(), orders: Vec::new(), dropped: 0 };
        for outcome in self.keeper.handle(group, self.now()) {
            let text = outcome.text();
            assert!(text.starts_with("Surveys refused: ") && !text.ends_with("try again later"), "{text}");
        }
    }

    /// How many refused inputs are kept, and how many were counted.
    pub(super) fn refused(&self) -> (u64, u64) {
        let summary = summary(self.home.path(), &OsDisk).unwrap();
        let of_garbage = summary.refusals.iter().filter(|(reason, _)| *reason != "full");
        (summary.quarantined, of_garbage.map(|(_, count)| count).sum())
    }

    pub(super) fn note(&self, through: Seq) -> (Order, oneshot::Receiver<Noted>) {
        let (done, noted) = oneshot::channel();
        let generation = self.keeper.progress().generation;
        (Order::Note(Note { generation, custody: Custody::Held { through }, done }), noted)
    }

    /// Every survey in the journal.
    pub(super) fn devices(&self) -> Vec<String> {
        match Reader::open(self.home.path()).unwrap().page(0, Seq::MAX, 100_000, 1 << 30).unwrap() {
            Page::Surveys(surveys) => surveys.iter().map(|survey| survey.device.to_string()).collect(),
            Page::Empty => Vec::new(),
            Page::Damaged(seq) => panic!("{seq} is damaged"),
        }
    }

    pub(super) fn provoke(&self, sql: &str) {
        self.keeper.journal.as_ref().unwrap().provoke(sql);
    }
}

pub(super) fn at(up: Duration) -> Moment {
    Moment { utc: UtcInstant::from_millis(1_800_000_000_000).saturating_add(up), up }
}

pub(super) fn open(
    folder: &Path,
    disk: &Arc<Faulty>,
    journal_max: u64,
    random: u64,
) -> Result<Keeper, JournalError> {
    let disk = Arc::clone(disk) as Arc<dyn Disk>;
    let limits = Limits { keep: Duration::ZERO, journal_max, min_free_disk: 0 };
    let deadline = Duration::from_secs(3600);
    Keeper::open(disk, folder.to_path_buf(), limits, Vec::new(), deadline, random, at(Duration::ZERO))
}
