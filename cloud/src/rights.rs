//! Who may do what: roles of people, scopes of tokens, needs of requests.

use serde::{Deserialize, Serialize};

/// What a person may do; each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Look.
    Viewer,
    /// Change what concerns the field: details of devices, rules, acknowledgements.
    Operator,
    /// Change who may do what, where alerts go, and what is kept.
    Administrator,
}

/// What the holder of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    /// As a viewer.
    Read,
    /// Bring surveys and a gateway's status, and see nothing.
    Ingest,
    /// As an administrator.
    Admin,
}

/// What a request needs of whoever sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// To look.
    Read,
    /// To bring surveys.
    Ingest,
    /// To change what concerns the field.
    Operate,
    /// To change the cloud itself.
    Administer,
}

impl Role {
    const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Administrator];

    /// As it is written.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }

    /// Reads a name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    pub(crate) fn may(self, need: Need) -> bool {
        match need {
            Need::Read => true,
            Need::Ingest | Need::Operate => self >= Self::Operator,
            Need::Administer => self == Self::Administrator,
        }
    }
}

impl Scope {
    const ALL: [Self; 3] = [Self::Read, Self::Ingest, Self::Admin];

    /// As it is written.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Ingest => "ingest",
            Self::Admin => "admin",
        }
    }

    /// Reads a name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    pub(crate) fn may(self, need: Need) -> bool {
        match self {
            Self::Read => need == Need::Read,
            Self::Ingest => need == Need::Ingest,
            Self::Admin => true,
        }
    }
}

impl Need {
    /// As it is written.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Ingest => "ingest",
            Self::Operate => "operate",
            Self::Administer => "administer",
        }
    }

    /// Who may, for people.
    pub(crate) const fn who(self) -> &'static str {
        match self {
            Self::Read => "a viewer, or a token of scope read",
            Self::Ingest => "an operator, or a token of scope ingest",
            Self::Operate => "an operator, or a token of scope admin",
            Self::Administer => "an administrator, or a token of scope admin",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDS: [Need; 4] = [Need::Read, Need::Ingest, Need::Operate, Need::Administer];

    #[test]
    fn each_role_and_scope_may_what_it_is_for_and_no_more() {
        let role = |role: Role| NEEDS.map(|need| role.may(need));
        assert_eq!(role(Role::Viewer), [true, false, false, false]);
        assert_eq!(role(Role::Operator), [true, true, true, false]);
        assert_eq!(role(Role::Administrator), [true; 4]);
        let scope = |scope: Scope| NEEDS.map(|need| scope.may(need));
        assert_eq!(scope(Scope::Read), [true, false, false, false]);
        assert_eq!(scope(Scope::Ingest), [false, true, false, false]);
        assert_eq!(scope(Scope::Admin), [true; 4]);
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
        for scope in Scope::ALL {
            assert_eq!(Scope::from_name(scope.name()), Some(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.name());
        }
        assert_eq!(Role::from_name("Administrator"), None);
    }
}
