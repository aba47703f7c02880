//! Where a browser's request comes from: a page of ours, or somebody else's that the person happens to look at.

use crate::network::Proxies;
use axum::http::{HeaderMap, HeaderName, Uri, header, uri::Authority};
use std::net::{IpAddr, SocketAddr};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Whether a page of ours sends it, or no page at all. Browsers say so, and no script can change what they say.
pub(super) fn is_ours(headers: &HeaderMap, peer: IpAddr, proxies: &Proxies) -> bool {
    if let Some(site) = text(headers, &SEC_FETCH_SITE) {
        return matches!(site, "same-origin" | "none");
    }
    // Older browsers, and all of them where there is neither TLS nor loopback.
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let Some(origin) = origin.as_ref().and_then(Uri::authority) else { return false };
    let proxied = proxies.have(peer);
    let asked = [Some(header::HOST), proxied.then_some(FORWARDED_HOST)];
    asked
        .iter()
        .flatten()
        .any(|name| text(headers, name).is_some_and(|host| host.eq_ignore_ascii_case(origin.as_str())))
}

/// Whether the request was meant for `bound`, on loopback. Somebody else's page may be made to come from this address under a
/// name of theirs; then the name is what gives it away.
pub(super) fn is_for_loopback(headers: &HeaderMap, bound: SocketAddr) -> bool {
    let Some(host) = headers.get(header::HOST) else {
        // No browser leaves it out.
        return true;
    };
    let authority = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    let Some(authority) = authority else { return false };
    let host = authority.host();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback() || address == bound.ip(),
        Err(_) => {
            let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
            host == "localhost" || host.ends_with(".localhost")
        }
    }
}

/// Whether it came through a proxy, by its own word. No browser says so.
pub(super) fn is_proxied(headers: &HeaderMap) -> bool {
    headers.contains_key(header::FORWARDED)
        || headers.contains_key(header::VIA)
        || headers.keys().any(|name| name.as_str().starts_with("x-forwarded"))
}

/// Who asks: behind proxies that are believed, the last one who is none of them. What stands before that in the header anybody
/// may have written.
pub(in crate::http) fn address(headers: &HeaderMap, peer: IpAddr, proxies: &Proxies) -> IpAddr {
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    let mut hops = lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
    let mut address = peer.to_canonical();
    while proxies.have(address) {
        let Some(before) = hops.next().and_then(hop) else { break };
        address = before;
    }
    address
}

/// An address as proxies write it, some with a port.
fn hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|at| at.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// Whether it came over TLS: to a proxy that is believed.
pub(in crate::http) fn is_secure(headers: &HeaderMap, peer: IpAddr, proxies: &Proxies) -> bool {
    let last = headers.get_all(FORWARDED_PROTO).iter().next_back().and_then(|line| line.to_str().ok());
    let last = last.and_then(|line| line.rsplit(',').next());
    last.is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https")) && proxies.have(peer)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn none() -> Proxies {
        Proxies::default()
    }

    const FAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
    const NEAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_request_of_another_page_is_known_by_what_the_browser_says() {
        let ours = |pairs: &[(&'static str, &str)]| is_ours(&headers(pairs), FAR, &none());
        assert!(ours(&[]), "no browser");
        assert!(ours(&[("sec-fetch-site", "same-origin"), ("origin", "https://a"), ("host", "127.0.0.1:1")]));
        assert!(ours(&[("sec-fetch-site", "none")]));
        for site in ["cross-site", "same-site", ""] {
            assert!(!ours(&[("sec-fetch-site", site), ("origin", "http://a"), ("host", "a")]), "{site}");
        }
        assert!(ours(&[("origin", "http://Cloud:8080"), ("host", "cloud:8080")]));
        for origin in
            ["http://evil", "null", "http://cloud:8081", "http://cloud:8080.evil", "http://cloud", "\""]
        {
            assert!(!ours(&[("origin", origin), ("host", "cloud:8080")]), "{origin}");
        }
        let proxied = headers(&[("origin", "https://cloud"), ("host", "x:1"), ("x-forwarded-host", "cloud")]);
        assert!(is_ours(&proxied, NEAR, &none()) && !is_ours(&proxied, FAR, &none()));
    }

    #[test]
    fn only_names_of_this_machine_reach_an_open_cloud_on_it() {
        let bound = "127.0.0.1:8080".parse().unwrap();
        let reaches = |host: &str| is_for_loopback(&headers(&[("host", host)]), bound);
        for host in [
            "127.0.0.1:8080",
            "localhost:8080",
            "LOCALHOST",
            "[::1]:8080",
            "127.1.2.3",
            "a.localhost:1",
            "localhost.",
        ] {
            assert!(reaches(host), "{host}");
        }
        for host in [
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "192.0.2.1",
            "0.0.0.0:8080",
            "",
            "a b",
            "notlocalhost",
        ] {
            assert!(!reaches(host), "{host}");
        }
        assert!(is_for_loopback(&HeaderMap::new(), bound));
    }

    #[test]
    fn what_a_proxy_says_counts_only_if_it_is_on_this_machine() {
        let said =
            headers(&[("x-forwarded-for", "203.0.113.9, 198.51.100.4"), ("x-forwarded-proto", "https")]);
        assert_eq!(
            address(&said, NEAR, &none()),
            "198.51.100.4".parse::<IpAddr>().unwrap(),
            "the last is the proxy's word"
        );
        assert_eq!(address(&said, FAR, &none()), FAR);
        assert!(is_secure(&said, NEAR, &none()) && !is_secure(&said, FAR, &none()));
        assert_eq!(address(&headers(&[("x-forwarded-for", "unknown")]), NEAR, &none()), NEAR);
        assert!(!is_secure(&headers(&[]), NEAR, &none()));
    }

    #[test]
    fn p9_or_if_it_is_one_that_the_operator_named_and_what_others_wrote_before_it_counts_nothing() {
        let proxies = Proxies::new(vec!["192.0.2.7".parse().unwrap(), "10.1.0.0/16".parse().unwrap()]);
        let from = |lines: &[&str], peer: IpAddr| {
            let mut headers = HeaderMap::new();
            lines.iter().for_each(|line| _ = headers.append(FORWARDED_FOR, line.parse().unwrap()));
            address(&headers, peer, &proxies).to_string()
        };
        assert_eq!(from(&["203.0.113.9"], FAR), "203.0.113.9");
        assert_eq!(from(&["127.0.0.1, 203.0.113.9"], FAR), "203.0.113.9", "made up before it");
        assert_eq!(from(&["1.1.1.1", "203.0.113.9, 10.1.2.3"], FAR), "203.0.113.9", "through two of them");
        assert_eq!(from(&["1.1.1.1, x, 10.1.2.3"], FAR), "10.1.2.3", "no further than can be read");
        assert_eq!(from(&["203.0.113.9:4711"], FAR), "203.0.113.9");
        assert_eq!(from(&["[2001:db8::9]:4711"], FAR), "2001:db8::9");
        assert_eq!(from(&["[2001:db8::9]"], FAR), "2001:db8::9");
        assert_eq!(from(&["::ffff:203.0.113.9"], FAR), "203.0.113.9");
        assert_eq!(from(&["10.1.0.1, 10.1.0.2"], FAR), "10.1.0.1", "one of them asks by itself");
        for nothing in ["", ",", ",,,", "\u{fe}", "unknown"] {
            assert_eq!(from(&[nothing], FAR), FAR.to_string(), "{nothing}");
        }
        let stranger: IpAddr = "198.51.100.1".parse().unwrap();
        assert_eq!(from(&["203.0.113.9"], stranger), stranger.to_string());
        let secure = |lines: &[&str], peer: IpAddr| {
            let mut headers = HeaderMap::new();
            lines.iter().for_each(|line| _ = headers.append(FORWARDED_PROTO, line.parse().unwrap()));
            is_secure(&headers, peer, &proxies)
        };
        assert!(secure(&["https"], FAR) && secure(&["http, HTTPS"], FAR) && !secure(&["https"], stranger));
        assert!(!secure(&["https", "http"], FAR) && !secure(&["https,"], FAR) && !secure(&["https://"], FAR));
        let hosted = headers(&[("origin", "https://cloud"), ("host", "x"), ("x-forwarded-host", "cloud")]);
        assert!(is_ours(&hosted, FAR, &proxies) && !is_ours(&hosted, stranger, &proxies));
    }

    #[test]
    fn a_proxy_is_known_by_what_it_adds() {
        for name in ["x-forwarded-for", "x-forwarded-host", "x-forwarded", "forwarded", "via"] {
            assert!(is_proxied(&headers(&[(name, "x")])), "{name}");
        }
        assert!(!is_proxied(&headers(&[("host", "x"), ("user-agent", "curl"), ("origin", "http://x")])));
    }
}
