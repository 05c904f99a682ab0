//! The table of routes, as text: `users: s1 s2; users/admin: s3; orders: s4 canary s5`.
//!
//! One route for each service, or for each of a service's paths; the longest path that a request's
//! begins with is its route. After the colon come the instances by name or id, or `*` for all that
//! are wired; after the word `canary` those that get only the canary's share.

use std::collections::BTreeSet;

/// The most routes in a table.
pub const ROUTES_MAX: usize = 32;

/// Which instances a route goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Targets {
    /// All that are wired.
    All,
    /// Those with these names or ids.
    Named(Vec<String>),
}

impl Targets {
    /// Is the instance with this name and this id one of them?
    pub fn include(&self, name: &str, id: &str) -> bool {
        match self {
            Targets::All => true,
            Targets::Named(names) => names.iter().any(|one| one == name || one == id),
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The service.
    pub service: String,
    /// What the path must begin with: nothing, or `/admin`.
    pub path: String,
    /// Who answers.
    pub stable: Targets,
    /// Who answers for the canary's share; nobody, if none is named.
    pub canary: Vec<String>,
}

impl Route {
    /// A route for all of a service, to all instances that are wired.
    pub fn all(service: &str) -> Route {
        let (service, path) = (service.to_owned(), String::new());
        Route { service, path, stable: Targets::All, canary: Vec::new() }
    }

    /// As it is written: `users/admin`.
    pub fn name(&self) -> String {
        format!("{}{}", self.service, self.path)
    }

    /// Is the instance one of the route's, canary or not? Otherwise an answer of its is an answer
    /// of another service.
    pub fn serves(&self, name: &str, id: &str) -> bool {
        self.stable.include(name, id) || self.canary.iter().any(|one| one == name || one == id)
    }

    /// Is the path one of its? `/admin` begins `/admin` and `/admin/7`, and not `/administer`.
    fn matches(&self, path: &str) -> bool {
        let rest = path.strip_prefix(&self.path);
        rest.is_some_and(|rest| self.path.is_empty() || rest.is_empty() || rest.starts_with('/'))
    }
}

/// The service and the path that a key stands for: `orders:7` is the service `orders` and the path
/// `/7`, `orders/items:7` is `orders` and `/items/7`.
pub fn split(key: &str) -> (&str, String) {
    let end = key.find(['/', ':']).unwrap_or(key.len());
    let (service, rest) = key.split_at(end);
    (service, rest.replace(':', "/"))
}

/// A table of routes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// Reads a table.
    ///
    /// # Errors
    /// When it is not of the form above; says what is wrong, in words for a person.
    pub fn parse(text: &str) -> Result<Routes, String> {
        let mut routes = Routes::default();
        let mut seen = BTreeSet::new();
        for line in text.split([';', '\n']).map(str::trim).filter(|line| !line.is_empty()) {
            let route = parse_route(line)?;
            if !seen.insert(route.name()) {
                return Err(format!("{} has two routes", route.name()));
            }
            routes.0.push(route);
        }
        match routes.0.len() {
            0 => Err("needs a route, for example user: *".to_owned()),
            1..=ROUTES_MAX => Ok(routes),
            _ => Err(format!("must have at most {ROUTES_MAX} routes")),
        }
    }

    /// All routes, in the order in which they were written.
    pub fn all(&self) -> &[Route] {
        &self.0
    }

    /// Enters a route; one with the same service and path is overwritten.
    pub fn enter(&mut self, route: Route) {
        match self.0.iter_mut().find(|known| known.name() == route.name()) {
            Some(known) => *known = route,
            None => self.0.push(route),
        }
    }

    /// The place of the route for this service and path: the longest that fits.
    pub fn find(&self, service: &str, path: &str) -> Option<usize> {
        let numbered = self.0.iter().enumerate();
        let fitting = numbered.filter(|(_, one)| one.service == service && one.matches(path));
        fitting.max_by_key(|(_, one)| one.path.len()).map(|(place, _)| place)
    }
}

fn parse_route(line: &str) -> Result<Route, String> {
    let short: String = line.chars().take(40).collect();
    let Some((name, targets)) = line.split_once(':') else {
        return Err(format!("{short:?} has no colon between the service and its instances"));
    };
    let (service, path) = split(name.trim());
    if service.is_empty() || name.trim().contains(char::is_whitespace) {
        return Err(format!("{short:?} must begin with a service, for example users: s1 s2"));
    }
    let mut words = targets.split_whitespace();
    let stable: Vec<String> =
        words.by_ref().take_while(|word| *word != "canary").map(str::to_owned).collect();
    let canary: Vec<String> = words.map(str::to_owned).collect();
    let starred = stable.iter().chain(&canary).any(|word| word == "*");
    let stable = match &stable[..] {
        [] => return Err(format!("{service} has no instances")),
        [one] if one == "*" && canary.is_empty() => Targets::All,
        _ if starred => return Err(format!("{service}: * stands alone")),
        _ => Targets::Named(stable),
    };
    if canary.iter().any(|word| word == "canary") {
        return Err(format!("{service}: canary stands once"));
    }
    let path = path.trim_end_matches('/').to_owned();
    Ok(Route { service: service.to_owned(), path, stable, canary })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_that_fits_is_the_route() {
        let text = "users: s1 s2; users/admin: s3\norders: s4 canary s5";
        let routes = Routes::parse(text).expect("it is right");
        let found = |service, path| routes.find(service, path);
        assert_eq!(found("users", "/7"), Some(0));
        assert_eq!(found("users", "/admin/7"), Some(1));
        assert_eq!(found("users", "/administer"), Some(0));
        assert_eq!((found("orders", ""), found("ghost", "/7")), (Some(2), None));
        let orders = &routes.all()[2];
        assert!(
            orders.serves("s5", "n9") && orders.serves("x", "s4") && !orders.serves("s1", "s2")
        );
    }

    #[test]
    fn a_key_says_its_service_and_path() {
        assert_eq!(split("orders:7"), ("orders", "/7".to_owned()));
        assert_eq!(split("orders/items:7"), ("orders", "/items/7".to_owned()));
        assert_eq!(split("orders"), ("orders", String::new()));
    }

    #[test]
    fn what_is_not_a_table_is_refused_with_a_reason() {
        let wrong = |text: &str| Routes::parse(text).expect_err(text);
        assert!(wrong(" ; ").contains("needs a route"));
        assert!(wrong("users s1").contains("no colon"));
        assert!(wrong(": s1").contains("begin with a service"));
        assert!(wrong("a b: s1").contains("begin with a service"));
        assert!(wrong("users:").contains("no instances"));
        assert!(wrong("users: canary s1").contains("no instances"));
        assert!(wrong("users: * s1").contains("stands alone"));
        assert!(wrong("users: * canary s1").contains("stands alone"));
        assert!(wrong("users: a; users: b").contains("two routes"));
        let many: String = (0..33).map(|n| format!("s{n}: *;")).collect();
        assert!(wrong(&many).contains("at most 32"));
    }
}
