//! A rule: what an operator wants to hear of.

use fieldpost_core::DeviceId;

/// The longest name of a rule or a channel, in characters.
pub(crate) const MAX_NAME: usize = 200;
/// The most devices that a rule may name.
const MAX_DEVICES: usize = 3_000;
/// The most channels of a rule.
const MAX_CHANNELS: usize = 20;
/// The longest time that a condition can be asked to hold, and the longest pause between two messages: a year.
const MAX_SECONDS: i64 = 366 * 86_400;
/// The shortest pause between two messages of one alert.
const MIN_REPEAT_S: i64 = 300;

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, utoipa::ToSchema)]
#[schema(as = RuleKind, rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Moisture is below a value.
    MoistureBelow,
    /// Moisture is above a value.
    MoistureAbove,
    /// Temperature is below a value.
    TemperatureBelow,
    /// Temperature is above a value.
    TemperatureAbove,
    /// Temperature is below freezing, or below the value that is given.
    Frost,
    /// A device owes a survey.
    DeviceLate,
    /// A device owes two.
    DeviceSilent,
    /// A round closed without some of its devices.
    RoundIncomplete,
    /// Nothing is heard of a gateway.
    GatewaySilent,
    /// A gateway's journal is nearly full.
    JournalFull,
    /// The disk of the cloud is nearly full.
    DiskFull,
    /// A device's readings are contradicted.
    Conflicts,
}

impl Kind {
    /// Every kind, with its name.
    const NAMES: [(Self, &'static str); 12] = [
        (Self::MoistureBelow, "moisture_below"),
        (Self::MoistureAbove, "moisture_above"),
        (Self::TemperatureBelow, "temperature_below"),
        (Self::TemperatureAbove, "temperature_above"),
        (Self::Frost, "frost"),
        (Self::DeviceLate, "device_late"),
        (Self::DeviceSilent, "device_silent"),
        (Self::RoundIncomplete, "round_incomplete"),
        (Self::GatewaySilent, "gateway_silent"),
        (Self::JournalFull, "journal_full"),
        (Self::DiskFull, "disk_full"),
        (Self::Conflicts, "conflicts"),
    ];

    /// The name in JSON and in the store.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The kind of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    /// All names, for those who wrote another.
    pub(crate) fn all() -> String {
        Self::NAMES.map(|(_, name)| name).join(", ")
    }

    /// Whether its alerts follow from the readings that are held.
    pub(crate) fn is_of_readings(self) -> bool {
        self.is_of_values() || self == Self::Conflicts
    }

    /// Whether it compares values.
    pub(crate) fn is_of_values(self) -> bool {
        matches!(
            self,
            Self::MoistureBelow
                | Self::MoistureAbove
                | Self::TemperatureBelow
                | Self::TemperatureAbove
                | Self::Frost
        )
    }

    /// Whether a lower value is the worse one.
    pub(crate) fn is_below(self) -> bool {
        matches!(self, Self::MoistureBelow | Self::TemperatureBelow | Self::Frost)
    }

    /// Whether its condition has a value.
    fn has_value(self) -> bool {
        self.is_of_values() || matches!(self, Self::JournalFull | Self::DiskFull | Self::Conflicts)
    }

    /// Whether its condition can be asked to hold for a time. What is known at single instants only has no duration.
    fn has_duration(self) -> bool {
        self.is_of_values() || matches!(self, Self::DeviceLate | Self::DeviceSilent | Self::GatewaySilent)
    }

    /// The values that make sense, in hundredths.
    fn range(self) -> (i64, i64) {
        match self {
            Self::TemperatureBelow | Self::TemperatureAbove | Self::Frost => (-10_000, 10_000),
            Self::Conflicts => (100, 100_000_000),
            _ => (0, 10_000),
        }
    }
}

/// A rule as the store holds it. Values are hundredths: of a percent, a degree Celsius, or of one (conflicts).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    /// 0 while it has none.
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// None: the kind's usual one.
    pub(crate) value: Option<i64>,
    /// Where the alert is solved; None: at the value, or what is usual.
    pub(crate) clear: Option<i64>,
    /// How long it must be so before it is an alert, in seconds.
    pub(crate) for_s: i64,
    /// The devices that it is about; None: all.
    pub(crate) devices: Option<Vec<String>>,
    /// The pause between messages while it is not solved, in seconds; 0: one message only.
    pub(crate) repeat_s: i64,
    /// Where its messages go.
    pub(crate) channels: Vec<i64>,
    pub(crate) enabled: bool,
}

impl Rule {
    /// Whether it is about this device.
    pub(crate) fn covers(&self, device: &str) -> bool {
        self.devices.as_ref().is_none_or(|devices| devices.iter().any(|one| one == device))
    }

    /// Those of `devices` that it is about.
    pub(crate) fn among(&self, devices: &[String]) -> Vec<String> {
        devices.iter().filter(|device| self.covers(device)).cloned().collect()
    }

    /// Whether what it asks is the same as what `other` asks: its alerts are the same ones then.
    pub(crate) fn asks_the_same(&self, other: &Self) -> bool {
        let condition = |rule: &Self| (rule.kind, rule.value, rule.clear, rule.for_s, rule.enabled);
        condition(self) == condition(other) && self.devices == other.devices
    }

    /// Says what is wrong with it.
    ///
    /// # Errors
    /// The first fault, and how to mend it.
    pub(crate) fn check(&self) -> Result<(), String> {
        check_name(&self.name)?;
        self.check_values()?;
        self.check_times()?;
        self.check_lists()
    }

    fn check_values(&self) -> Result<(), String> {
        let kind = self.kind.name();
        if (self.value.is_some() || self.clear.is_some()) && !self.kind.has_value() {
            return Err(format!("{kind} has no value: leave value and clear out, or null"));
        }
        if self.value.is_none() && self.kind.is_of_values() && self.kind != Kind::Frost {
            return Err(format!("{kind} needs a value, such as 20"));
        }
        if self.clear.is_some() && self.kind == Kind::Conflicts {
            return Err("conflicts are solved by a day without: leave clear out, or null".into());
        }
        let (least, most) = self.kind.range();
        for (name, value) in [("value", self.value), ("clear", self.clear)] {
            if value.is_some_and(|value| !(least..=most).contains(&value)) {
                return Err(format!("{name} of {kind} is a number from {} to {}", least / 100, most / 100));
            }
        }
        let (value, clear) = (self.limit(), self.solved_at());
        match self.kind.is_below() {
            true if clear < value => Err("clear is not below value: solved is what has risen to it".into()),
            false if clear > value => Err("clear is not above value: solved is what has fallen to it".into()),
            _ => Ok(()),
        }
    }

    fn check_times(&self) -> Result<(), String> {
        if !(0..=MAX_SECONDS).contains(&self.for_s) {
            return Err(format!("for_s is a number of seconds from 0 to {MAX_SECONDS}"));
        }
        if self.for_s != 0 && !self.kind.has_duration() {
            return Err(format!(
                "{} is not asked to hold for a time: leave for_s out, or 0",
                self.kind.name()
            ));
        }
        if self.repeat_s != 0 && !(MIN_REPEAT_S..=MAX_SECONDS).contains(&self.repeat_s) {
            let range = format!("from {MIN_REPEAT_S} to {MAX_SECONDS}, or 0 for one message only");
            return Err(format!("repeat_s is a number of seconds {range}"));
        }
        Ok(())
    }

    fn check_lists(&self) -> Result<(), String> {
        let devices = self.devices.as_deref().unwrap_or_default();
        if self.devices.as_ref().is_some_and(Vec::is_empty) || devices.len() > MAX_DEVICES {
            return Err(format!("devices is null for all, or a list of 1 to {MAX_DEVICES} ids"));
        }
        if devices.iter().any(|id| DeviceId::new(id).is_err()) {
            return Err("devices has an entry that can be no device's id".into());
        }
        if self.devices.is_some() && self.kind == Kind::DiskFull {
            return Err("disk_full is about the cloud: leave devices out, or null".into());
        }
        if self.channels.len() > MAX_CHANNELS {
            return Err(format!("a rule has at most {MAX_CHANNELS} channels"));
        }
        Ok(())
    }

    /// The value that counts, in hundredths.
    pub(crate) fn limit(&self) -> i64 {
        self.value.unwrap_or(match self.kind {
            Kind::JournalFull => 8_000,
            Kind::DiskFull => 9_000,
            Kind::Conflicts => 100,
            _ => 0,
        })
    }

    /// Where it is solved, in hundredths.
    pub(crate) fn solved_at(&self) -> i64 {
        self.clear.unwrap_or(match self.kind {
            // A degree: soil that freezes and thaws stays about zero for hours.
            Kind::Frost => self.limit().saturating_add(100),
            Kind::JournalFull | Kind::DiskFull => self.limit().saturating_sub(500).max(0),
            _ => self.limit(),
        })
    }
}

/// Checks what people call a thing.
///
/// # Errors
/// What a name is.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    if length == 0 || length > MAX_NAME || name.chars().any(char::is_control) || name.trim() != name {
        return Err(format!(
            "a name has 1 to {MAX_NAME} characters, none of them a control character, no space at its ends"
        ));
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A rule of `kind` about all devices.
    pub(in super::super) fn rule(kind: Kind, value: Option<i64>) -> Rule {
        Rule {
            id: 1,
            name: "r".into(),
            kind,
            value,
            clear: None,
            for_s: 0,
            devices: None,
            repeat_s: 86_400,
            channels: vec![1],
            enabled: true,
        }
    }

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        for (kind, name) in Kind::NAMES {
            assert_eq!((Kind::from_name(name), kind.name()), (Some(kind), name));
        }
        assert_eq!(Kind::from_name("moisture"), None);
    }

    #[test]
    fn a_rule_that_makes_no_sense_is_told_how_it_would() {
        let dry = rule(Kind::MoistureBelow, Some(2_000));
        assert_eq!(dry.check(), Ok(()));
        for (bad, hint) in [
            (Rule { value: None, ..dry.clone() }, "such as 20"),
            (Rule { clear: Some(1_900), ..dry.clone() }, "not below value"),
            (Rule { kind: Kind::MoistureAbove, clear: Some(2_100), ..dry.clone() }, "not above value"),
            (Rule { value: Some(10_001), ..dry.clone() }, "from 0 to 100"),
            (Rule { kind: Kind::DeviceLate, ..dry.clone() }, "no value"),
            (Rule { for_s: -1, ..dry.clone() }, "for_s"),
            (Rule { kind: Kind::JournalFull, for_s: 60, ..dry.clone() }, "or 0"),
            (Rule { repeat_s: 1, ..dry.clone() }, "from 300"),
            (Rule { devices: Some(Vec::new()), ..dry.clone() }, "null for all"),
            (Rule { devices: Some(vec!["a b".into()]), ..dry.clone() }, "no device's id"),
            (Rule { name: "a\nb".into(), ..dry.clone() }, "control"),
            (Rule { channels: vec![1; 21], ..dry.clone() }, "20 channels"),
        ] {
            let said = bad.check().unwrap_err();
            assert!(said.contains(hint), "{said}");
        }
        assert_eq!(rule(Kind::Frost, None).check(), Ok(()));
        assert_eq!(rule(Kind::Frost, None).solved_at(), 100);
    }
}
